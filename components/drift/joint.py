"""All columns at once: finds what no single column shows, such as two columns that no longer move together.

Rows become features of two kinds, and the sides are compared by the means of these features. Random Fourier features
stand for a Gaussian kernel: the squared distance of their means is the maximum mean discrepancy, which sees any change,
best in few dimensions or where many columns change together. Products of pairs see a changed correlation of two among
many columns, which that kernel drowns in the others' noise. Both are means of rows, so that permuted blocks cost one
matrix product.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from components.drift.binned import BinnedFeature

NUM_FOURIER_FEATURES = 128
# More columns would give over 500 products; and pairs of an embedding's columns have no meaning.
_MOST_PAIRED_COLUMNS = 32
_BANDWIDTH_ROWS = 500
_FREQUENT_SHARE = 0.05
_FREQUENT_CATEGORIES = 8
_WIDEST_DEVIATIONS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JointMap:
    """Turns rows (n, D) into R + Q features whose means are compared.

    `mean` and `deviation` (D,) are of the pooled rows, deviation 1 for a column that does not vary; `frequencies` (D,
    R) and `phases` (R,) make the random Fourier features; `left` and `right` (Q,) are the pairs of columns that are
    multiplied, empty where there are too many columns.
    """

    mean: np.ndarray
    deviation: np.ndarray
    frequencies: np.ndarray
    phases: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @property
    def num_fourier(self) -> int:
        """R; the features after the first R are the Q products."""
        return len(self.phases)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Features of some rows, shape (n, D) to (n, R + Q), float32; a missing value counts as its column's mean."""
        standard = _standardised(rows, self.mean, self.deviation)
        waves = np.cos(standard @ self.frequencies + self.phases) * np.float32(np.sqrt(2 / self.num_fourier))
        return np.concatenate([waves, standard[:, self.left] * standard[:, self.right]], axis=1)


def joint_map(
    reference: np.ndarray, current: np.ndarray, *, num_features: int = NUM_FOURIER_FEATURES, seed: int
) -> JointMap:
    """Features by which the sides (N, D) and (M, D) are compared jointly, chosen from the pooled rows.

    Values that are not finite count as missing. The seed draws the features, and the rows whose median distance is the
    kernel's bandwidth. `ValueError` if the sides do not have the same number of columns, or none.

    References
    ----------
    Rahimi and Recht, Random Features for Large-Scale Kernel Machines, NIPS 2007, algorithm 1; Gretton et al., A Kernel
    Two-Sample Test, JMLR 13, 2012, section 8 (the median heuristic).
    """
    if reference.ndim != 2 or current.ndim != 2 or reference.shape[1] != current.shape[1] or not reference.shape[1]:
        shapes = f"{reference.shape} and {current.shape}"
        raise ValueError(f"both sides must have shape (rows, columns) with the same columns, got {shapes}")
    rng = np.random.default_rng(seed)
    mean, deviation = _pooled_moments(reference, current)
    bandwidth = _median_distance(reference, current, mean, deviation, rng)
    num_columns = reference.shape[1]
    left, right = np.triu_indices(num_columns if num_columns <= _MOST_PAIRED_COLUMNS else 0, k=1)
    return JointMap(
        mean=mean,
        deviation=deviation,
        frequencies=(rng.standard_normal((num_columns, num_features)) / bandwidth).astype(np.float32),
        phases=rng.uniform(0, 2 * np.pi, num_features).astype(np.float32),
        left=left,
        right=right,
    )


def joint_columns(features: Sequence[BinnedFeature]) -> tuple[np.ndarray, np.ndarray]:
    """A table's features as columns that can be compared jointly.

    Returns
    -------
    tuple of np.ndarray
        Shape (N, D) and (M, D), float32: normal scores of numbers (by bin, so that long tails count no more than
        their rank), `nan` where missing; and a 0/1 column for each of a category's at most 8 values that hold 5% of
        the pooled rows or more.
    """
    columns = [column for feature in features for column in _lookup_columns(feature)]
    sides = []
    for side in ("reference", "current"):
        codes = [getattr(feature, side) for feature, _ in columns]
        values = [lookup[code] for code, (_, lookup) in zip(codes, columns, strict=True)]
        num_rows = len(getattr(features[0], side)) if features else 0
        sides.append(np.stack(values, axis=1) if values else np.empty((num_rows, 0), dtype=np.float32))
    return sides[0], sides[1]


def joint_statistics(reference_means: np.ndarray, current_means: np.ndarray, num_fourier: int) -> dict[str, np.ndarray]:
    """Statistics, (P + 1,) each, of the sides' mean features, (P + 1, F), of which the first R are Fourier features.

    `maximum_mean_discrepancy` (squared, 0 to 4) and, where there are products of pairs, `correlation_difference` (the
    largest difference of a pair's mean product, in standard errors, 0 or more).
    """
    difference = reference_means - current_means
    statistics = {"maximum_mean_discrepancy": (difference[:, :num_fourier] ** 2).sum(axis=1)}
    if difference.shape[1] > num_fourier:
        products = difference[:, num_fourier:]
        errors = products[1:].std(axis=0)
        in_errors = np.divide(products, errors, out=np.zeros_like(products), where=errors > 0)
        statistics["correlation_difference"] = np.abs(in_errors).max(axis=1)
    return statistics


def _lookup_columns(feature: BinnedFeature) -> Iterator[tuple[BinnedFeature, np.ndarray]]:
    """A feature with each of its columns' values by code, shape (K + 1,)."""
    counts = np.bincount(np.concatenate([feature.reference, feature.current]), minlength=feature.num_bins + 1)
    if feature.kind == "number":
        present = max(int(counts[1:].sum()), 1)
        middles = (np.cumsum(counts[1:]) - counts[1:] / 2) / present
        scores = [NormalDist().inv_cdf(float(middle)) for middle in middles]
        yield feature, np.array([np.nan, *scores], dtype=np.float32)
        return
    for code in range(1, min(feature.num_bins, _FREQUENT_CATEGORIES) + 1):
        if counts[code] >= _FREQUENT_SHARE * counts.sum():
            yield feature, (np.arange(feature.num_bins + 1) == code).astype(np.float32)


def _standardised(rows: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        standard = (np.asarray(rows, dtype=np.float64) - mean) / deviation
    standard[~np.isfinite(standard)] = 0.0
    return np.clip(standard, -_WIDEST_DEVIATIONS, _WIDEST_DEVIATIONS).astype(np.float32)


def _pooled_moments(reference: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pooled = np.concatenate([reference, current]).astype(np.float64)
    finite = np.isfinite(pooled)
    count = np.maximum(finite.sum(axis=0), 1)
    mean = np.where(finite, pooled, 0.0).sum(axis=0) / count
    deviation = np.sqrt((np.where(finite, pooled - mean, 0.0) ** 2).sum(axis=0) / count)
    varies = deviation > 1e-9 * np.maximum(np.abs(mean), np.finfo(np.float64).tiny)
    return mean, np.where(varies, deviation, 1.0)


def _median_distance(
    reference: np.ndarray, current: np.ndarray, mean: np.ndarray, deviation: np.ndarray, rng: np.random.Generator
) -> float:
    """Median distance of pooled rows; 1 where most of them are the same."""
    num_rows = len(reference) + len(current)
    picked = rng.choice(num_rows, min(num_rows, _BANDWIDTH_ROWS), replace=False)
    first, second = picked[picked < len(reference)], picked[picked >= len(reference)] - len(reference)
    rows = _standardised(np.concatenate([reference[first], current[second]]), mean, deviation)
    squares = (rows**2).sum(axis=1)
    distances = squares[:, None] + squares[None, :] - 2 * rows @ rows.T
    median = float(np.median(distances[np.triu_indices(len(rows), k=1)])) if len(rows) > 1 else 0.0
    return float(np.sqrt(median)) if median > 1e-6 else 1.0
