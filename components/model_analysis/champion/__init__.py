"""A model against the champion of its name: what both answer on the same examples, and how that is shown."""
