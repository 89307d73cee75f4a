"""What a search for weak slices finds where errors lie at random: the threshold that real slices must exceed.

Shapes: N examples, P permutations.
"""

import numpy as np

from components.model_analysis.slices.search import SliceSearch

LEVEL = 0.05
NUM_PERMUTATIONS = 199


def best_score(search: SliceSearch, errors: np.ndarray) -> float:
    """The largest score of a search on some errors, shape (N,); `-inf` where nothing can be scored."""
    return max((float(level.scores.max(initial=-np.inf)) for level in search.levels(errors)), default=-np.inf)


def null_scores(
    search: SliceSearch,
    errors: np.ndarray,
    rng: np.random.Generator,
    *,
    groups: np.ndarray | None = None,
    observed: float | None = None,
    num_permutations: int = NUM_PERMUTATIONS,
    level: float = LEVEL,
) -> np.ndarray:
    """The largest scores of the same search on errors that were dealt out anew, shape (P,), ascending.

    Parameters
    ----------
    search
        Over the same N examples.
    errors
        Shape (N,).
    groups
        Shape (N,), int: examples of a group err together, negative is a group of one. Then the residuals of whole
        groups are multiplied by Mammen's two points, which keeps what they have in common and the skew of errors.
    observed
        Where this many of the scores reach it that it cannot exceed the threshold any more, the rest is not drawn.

    References
    ----------
    Westfall and Young, "Resampling-Based Multiple Testing" (1993), maxT; Besag and Clifford, "Sequential Monte Carlo
    p-values", Biometrika 78 (1991); Mammen, "Bootstrap and wild bootstrap for high dimensional linear models", Annals
    of Statistics 21 (1993).
    """
    enough = num_reaching(num_permutations, level)
    found: list[float] = []
    num_reached = 0
    for _ in range(num_permutations):
        found.append(best_score(search, _dealt(errors, groups, rng)))
        num_reached += observed is not None and found[-1] >= observed
        if num_reached >= enough:
            break
    return np.sort(found)


def num_reaching(num_permutations: int, level: float = LEVEL) -> int:
    """How many of the null scores the one that is too good to be chance must exceed all but fewer of."""
    return max(int(level * (num_permutations + 1)), 1)


def threshold_of(scores: np.ndarray, *, num_permutations: int = NUM_PERMUTATIONS, level: float = LEVEL) -> float:
    """The score that chance exceeds in at most `level` of all searches; `inf` where there are too few to say."""
    number = num_reaching(num_permutations, level)
    return float(scores[-number]) if len(scores) >= number else float("inf")


def _dealt(errors: np.ndarray, groups: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    if groups is None:
        return rng.permutation(errors)
    alone = groups < 0
    numbers = np.where(alone, groups.max(initial=-1) + np.cumsum(alone), groups)
    root = np.sqrt(5.0)
    low, high = (1.0 - root) / 2.0, (1.0 + root) / 2.0
    drawn = np.where(rng.random(int(numbers.max()) + 1) < (root + 1.0) / (2.0 * root), low, high)
    mean = errors.mean()
    return np.asarray(mean + drawn[numbers] * (errors - mean))
