"""The page of a run on a cluster: what its steps left, and what was asked of it, as one report."""
