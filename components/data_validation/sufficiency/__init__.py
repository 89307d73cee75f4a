"""Whether data can answer their question at all, before any training."""
