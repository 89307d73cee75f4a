"""New versions of an example table: labels that people or models gave, merged, and taken back."""
