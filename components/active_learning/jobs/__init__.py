"""Jobs of active learning: paths in, paths out."""
