"""The jobs of validation: paths in, paths out; a step imports its own alone."""
