"""The jobs of model analysis, one a module: paths in, paths out."""
