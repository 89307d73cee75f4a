"""Whatever holds examples becomes a predictions table."""
