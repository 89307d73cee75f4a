"""How far people agree who label the same examples: Krippendorff's alpha, with an interval.

Shapes: N examples that two people or more labelled, K classes, R resamples.

References
----------
Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), nominal data; the interval is the bootstrap of
examples, percentiles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_NUM_RESAMPLES = 1000
_SEED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """How far people agree.

    Attributes
    ----------
    alpha, low, high
        1 for agreement, 0 for what chance gives; with the 95 % interval. `nan` with fewer than two examples, or with
        one class alone.
    num_examples, num_annotators
        Examples that two people or more labelled, and these people.
    """

    alpha: float
    low: float
    high: float
    num_examples: int
    num_annotators: int


def krippendorff_alpha(votes: Sequence[Mapping[str, str]], class_names: Sequence[str]) -> Agreement:
    """Agreement of people who may each have labelled only some of the examples.

    Parameters
    ----------
    votes
        Class that each annotator gives, one mapping an example; examples of a single annotator say nothing.
    class_names
        K classes, at least those that occur.
    """
    several = [told for told in votes if len(told) > 1]
    people = {name for told in several for name in told}
    places = {name: place for place, name in enumerate(class_names)}
    counts = np.zeros((len(several), len(class_names)))
    for row, told in enumerate(several):
        for label in told.values():
            counts[row, places[label]] += 1
    rows = np.random.default_rng(_SEED).multinomial(
        len(several), np.full(max(len(several), 1), 1.0 / max(len(several), 1)), size=_NUM_RESAMPLES
    )
    alpha = _alphas(np.ones((1, len(several))), counts)[0]
    drawn = _alphas(rows[:, : len(several)], counts)
    known = drawn[np.isfinite(drawn)]
    low, high = np.percentile(known, [2.5, 97.5]).tolist() if np.isfinite(alpha) and len(known) else (np.nan, np.nan)
    return Agreement(
        alpha=float(alpha), low=float(low), high=float(high), num_examples=len(several), num_annotators=len(people)
    )


def _alphas(times: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Alpha of R resamples, shape (R,); `times`, (R, N), says how often each example is drawn, `counts` is (N, K)."""
    sizes = counts.sum(axis=1)
    if len(counts) < 2:
        return np.full(len(times), np.nan)
    differing = (sizes**2 - (counts**2).sum(axis=1)) / (sizes - 1)
    of_classes = times @ counts
    totals = of_classes.sum(axis=1)
    expected = (totals**2 - (of_classes**2).sum(axis=1)) / (totals - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1.0 - (times @ differing) / expected, np.nan)
