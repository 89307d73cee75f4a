"""Training: the smoke test that gates it, one trainer, and the recipes that tell runs apart."""
