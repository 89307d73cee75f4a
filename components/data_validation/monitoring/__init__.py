"""What monitoring compares: a model's baseline, and a window of its serving log."""
