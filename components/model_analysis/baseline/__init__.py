"""The cheap baseline: what simple models, trained on the same rows, reach on the same test examples."""
