"""What a cluster must hold before a run: looked at with the rights of whoever asks, and nothing is changed."""
