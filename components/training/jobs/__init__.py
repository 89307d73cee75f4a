"""The jobs of training, one a module: paths in, paths out; a step imports its own alone."""
