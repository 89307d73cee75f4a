"""The queue: lists that people fill in, and what comes back from them."""
