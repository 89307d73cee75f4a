"""Distances, permutation thresholds and effect sizes: the calibrated drift decision; numpy only, a foundation."""
