"""Tables to examples: scan, columns, classes, rows."""
