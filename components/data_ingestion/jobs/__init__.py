"""The jobs of ingestion: paths in, paths out; a step imports its own alone."""
