"""Which augmentation policy is best: trials, their ranking, its report."""
