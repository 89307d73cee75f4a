"""Active learning: what people should label next, labels that a model writes, and where the two disagree."""
