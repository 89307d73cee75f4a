"""TFDV's statistics of a stream of batches, with a sample of the rows; one process a core, or Beam."""
