"""Where a model is weak: slices of examples on which it errs more than elsewhere, found, tested and told once."""
