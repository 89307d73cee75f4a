"""Which device a step computes on, and whether the promised GPU works."""
