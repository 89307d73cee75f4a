"""Shares or means of several groups, and how sure each of them is.

Shapes: N examples, G groups, U clusters.
"""

from dataclasses import dataclass
import math

import numpy as np
from scipy.stats import t

from components.drift.share_intervals import CONFIDENCE, effective_number, unit_numbers, wilson_limits, Z


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GroupMeans:
    """Means of one quantity in G groups.

    Attributes
    ----------
    num_examples, values
        Shape (G,): examples, and their mean; `nan` without examples.
    effective
        Shape (G,): how many independent examples say as much; `nan` where nothing can be said, as of a single cluster.
    deviations
        Shape (G,): standard deviations; None of shares, whose intervals are Wilson's.
    correlation
        Shape (G, G): how the means of two groups go together, which they do where clusters hold members of both.
    """

    num_examples: np.ndarray
    values: np.ndarray
    effective: np.ndarray
    deviations: np.ndarray | None
    correlation: np.ndarray

    def limits(self, z: float | np.ndarray = Z) -> tuple[np.ndarray, np.ndarray]:
        """Ends of every group's own interval at a normal quantile, shape (G,) each."""
        if self.deviations is None:
            return wilson_limits(self.values, self.effective, z)
        half = z * self.deviations / np.sqrt(self.effective)
        return self.values - half, self.values + half

    def of_groups(self, wanted: np.ndarray) -> "GroupMeans":
        """The same of some groups: indices, shape (g,)."""
        return GroupMeans(
            num_examples=self.num_examples[wanted],
            values=self.values[wanted],
            effective=self.effective[wanted],
            deviations=None if self.deviations is None else self.deviations[wanted],
            correlation=self.correlation[np.ix_(wanted, wanted)],
        )


def group_means(
    values: np.ndarray, groups: np.ndarray, num_groups: int, *, clusters: np.ndarray | None = None
) -> GroupMeans:
    """Means of groups.

    Parameters
    ----------
    values
        Shape (N,): bool, whose means are shares, or float.
    groups
        Shape (N,), int: 0 to G - 1; negative is none of them.
    num_groups
        G.
    clusters
        Shape (N,), int: whole clusters were sampled; negative is a cluster of one. None where examples were.

    References
    ----------
    Korn and Graubard: see `effective_number`.
    """
    is_share, numbers = values.dtype == bool, values.astype(np.float64)
    counts = np.bincount(groups[groups >= 0], minlength=num_groups)
    means, effective, deviations = (np.full(num_groups, math.nan) for _ in range(3))
    units = None if clusters is None else unit_numbers(len(values), clusters)
    sums = None if units is None else np.zeros((int(units.max(initial=-1)) + 1, num_groups))
    for group in np.flatnonzero(counts).tolist():
        rows = groups == group
        inside = numbers[rows]
        means[group] = inside.sum() / len(inside)
        centred = inside - means[group]
        variance = means[group] * (1 - means[group]) if is_share else float(centred @ centred) / max(len(inside) - 1, 1)
        deviations[group] = math.sqrt(max(variance, 0.0))
        if units is None or sums is None:
            effective[group] = len(inside) if is_share else _as_students_t(len(inside))
        else:
            effective[group] = effective_number(centred, units[rows], variance)
            sums[:, group] = np.bincount(units[rows], weights=centred, minlength=len(sums))
    return GroupMeans(
        num_examples=counts,
        values=means,
        effective=effective,
        deviations=None if is_share else deviations,
        correlation=np.eye(num_groups) if sums is None else _correlation(sums),
    )


def _as_students_t(num_examples: int) -> float:
    """A number of examples less what Student's t asks for; `nan` of one example."""
    if num_examples < 2:
        return math.nan
    return num_examples * (Z / float(t.ppf((1.0 + CONFIDENCE) / 2, num_examples - 1))) ** 2


def _correlation(sums: np.ndarray) -> np.ndarray:
    """Shape (G, G), from sums of clusters (U, G), less their means: 0 where a group does not vary."""
    products = sums.T @ sums
    scale = np.sqrt(np.diag(products))
    found = np.divide(products, np.outer(scale, scale), out=np.zeros_like(products), where=np.outer(scale, scale) > 0)
    np.fill_diagonal(found, 1.0)
    return np.clip(found, -1.0, 1.0)
