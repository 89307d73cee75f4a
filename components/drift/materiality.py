"""Materiality of drift: whether a difference is large enough to matter, apart from whether it is chance."""


def is_material(effect_size: float, smallest: float, *, tested: bool = True) -> bool:
    """Whether an effect is material: the second key of a finding, beside significance.

    Parameters
    ----------
    effect_size
        0 to 1, see `effect_sizes`; `nan` where it is not known.
    smallest
        The least that matters: `material_effect`, `material_missing` or `material_joint` of `DriftSettings`.
    tested
        Whether there were rows enough to test anything.

    Returns
    -------
    bool
        False where nothing was tested or the effect is not known.
    """
    return tested and effect_size >= smallest
