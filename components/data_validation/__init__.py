"""Validation: statistics of every split, a schema from the training split, and what in the data does not fit it."""
