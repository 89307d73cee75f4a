"""Which split an example belongs to."""
