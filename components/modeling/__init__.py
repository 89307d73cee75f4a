"""What every step that touches a model shares: decoding, preprocessing, backbones, bundle to module, prediction."""
