"""Texts: character n-grams, subwords, tokenizers, backbones."""
