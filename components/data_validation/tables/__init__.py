"""A table wherever it lies, which of its columns take part and as what, read in a stream."""
