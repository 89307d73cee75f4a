"""The feature store: examples prepared once, memory-mapped in training."""
