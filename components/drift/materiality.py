"""Materiality of drift: whether a difference is large enough to matter, apart from whether it is chance."""


def is_material(effect_size: float, smallest: float, *, tested: bool = True) -> bool:
    """Whether an effect size (0 to 1) is at least the smallest that matters; False for `nan` or what was not tested."""
    return tested and effect_size >= smallest
