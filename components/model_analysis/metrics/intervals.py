"""95 % intervals of the share of examples that are right, sampled alone or in whole groups.

Shapes: N examples.
"""

import numpy as np

from components.drift.share_intervals import effective_number, wilson_interval


def share_interval(right: np.ndarray, groups: np.ndarray | None = None) -> tuple[float, float]:
    """95 % interval of the share of examples that are right.

    Parameters
    ----------
    right
        Shape (N,), bool; N may be 0.
    groups
        Shape (N,), int: whole groups were sampled; negative is a group of one. None where examples were.

    Returns
    -------
    tuple[float, float]
        0 to 1; `nan` without examples, and where all are of one group.
    """
    num_right, num_examples = int(right.sum()), len(right)
    if groups is None or not num_examples:
        return wilson_interval(num_right, num_examples)
    share = num_right / num_examples
    effective = effective_number(right - share, groups, share * (1 - share))
    return wilson_interval(share * effective, effective)
