"""Which rows of a pool get a label: some that are sure enough of each class, in the proportions of people's labels.

Shapes: N rows of a pool, K classes.
"""

import numpy as np

# A class may have so many times its proportion, measured by the class that the pool has fewest of.
_MAX_DISTORTION = 2.0
_SEED = 20


def capped_choice(
    probabilities: np.ndarray, is_candidate: np.ndarray, people_counts: np.ndarray, times: int
) -> np.ndarray:
    """Rows that are labelled by their most probable class, ascending.

    Drawn at random, always the same: the surest of all lie far from where classes meet, and teach little.

    Parameters
    ----------
    probabilities
        Shape (N, K).
    is_candidate
        Shape (N,), bool: which may be chosen.
    people_counts
        Shape (K,), int: labels of each class that people gave; a class without any gets none.
    times
        At most so many labels by the model for each of people's, class by class; fewer where a class has fewer
        candidates, down to one: a class that the model likes to answer cannot crowd out the others.
    """
    answered = probabilities.argmax(axis=1)
    available = np.bincount(answered[is_candidate], minlength=len(people_counts))
    asked = people_counts > 0
    scarcest = float((available[asked] / people_counts[asked]).min()) if asked.any() else 0.0
    each = min(float(times), max(_MAX_DISTORTION * scarcest, 1.0))
    chosen = [np.zeros(0, np.int64)]
    for label, count in enumerate(people_counts.tolist()):
        rows = np.flatnonzero((answered == label) & is_candidate)
        chosen.append(np.random.default_rng(_SEED).permutation(rows)[: int(each * count)])
    found: np.ndarray = np.sort(np.concatenate(chosen))
    return found
