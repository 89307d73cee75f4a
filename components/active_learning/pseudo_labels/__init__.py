"""Labels that a model writes, and the guard that admits them only where they do no harm."""
