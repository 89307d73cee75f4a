"""Photos: decoding, resizing, normalisation, features, backbones."""
