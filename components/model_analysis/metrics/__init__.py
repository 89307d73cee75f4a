"""Metrics of a classifier on one split, from labels and probabilities."""
