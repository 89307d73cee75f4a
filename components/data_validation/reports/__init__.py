"""The pages that people read, and the tables, drawings and examples in them."""
