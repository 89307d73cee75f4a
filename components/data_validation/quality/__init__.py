"""Checks of rows and columns: personal data, repeated rows, features that tell, the same example twice."""
