"""Checks of rows and columns: personal data, repeated rows, target leakage, the same example in two datasets."""
