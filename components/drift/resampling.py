"""Sides put together anew from permuted blocks: one matrix product gives every bin's rows for every permutation."""

from collections.abc import Iterator, Sequence

import numpy as np

from components.drift.binned import BinnedFeature
from components.drift.blocks import block_counts, Blocks

_CELLS_AT_ONCE = 4_000_000


def permuted_labels(
    num_reference: int, num_current: int, *, num_permutations: int, rng: np.random.Generator
) -> np.ndarray:
    """Which blocks make up the reference side in each permutation.

    Parameters
    ----------
    num_reference, num_current
        Blocks of the two sides, R and C.
    num_permutations
        P, 1 or more.
    rng
        Draws the permutations.

    Returns
    -------
    np.ndarray
        Shape (P, R + C), float32: 1 where the block is on the reference side, R of them in each row, else 0.
    """
    labels = np.zeros((num_permutations, num_reference + num_current), dtype=np.float32)
    labels[:, :num_reference] = 1.0
    return rng.permuted(labels, axis=1)


def resampled_sums(
    labels: np.ndarray, block_sums: np.ndarray, observed: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Sums over the rows of both sides: as they are, and in each permutation.

    Parameters
    ----------
    labels
        Shape (P, B), float32, from `permuted_labels`.
    block_sums
        Shape (B, K), float32: sums (counts, say) over the rows of each block. Counts up to 2 ** 24 stay exact.
    observed
        Two arrays of shape (K,): the sums over all rows of the reference and of the current side.

    Returns
    -------
    tuple of np.ndarray
        The reference's and the current side's sums, shape (P + 1, K), float64; row 0 is what was observed.
    """
    reference = labels @ block_sums
    current = block_sums.sum(axis=0, dtype=np.float64) - reference
    sides = ((observed[0], reference), (observed[1], current))
    first, second = (np.vstack([whole.astype(np.float64), permuted]) for whole, permuted in sides)
    return first, second


def resampled_counts(
    features: Sequence[BinnedFeature], blocks: Blocks, labels: np.ndarray
) -> Iterator[tuple[BinnedFeature, np.ndarray, np.ndarray]]:
    """Every feature's rows in its bins: as they are, and in each permutation.

    Parameters
    ----------
    features
        What to count, each with K bins of its own. As many go into one matrix product as memory should hold.
    blocks
        B blocks of the features' rows.
    labels
        Shape (P, B), float32, from `permuted_labels`.

    Yields
    ------
    tuple of BinnedFeature, np.ndarray, np.ndarray
        A feature, and the counts of its reference and of its current side, shape (P + 1, K + 1), float64; row 0 is
        what was observed, on all rows, and column 0 counts missing values.
    """
    for group in _groups(features, _CELLS_AT_ONCE // max(labels.shape)):
        ends = np.cumsum([feature.num_bins + 1 for feature in group])
        observed = _observed(group, "reference"), _observed(group, "current")
        reference, current = resampled_sums(labels, block_counts(group, blocks), observed)
        for feature, end in zip(group, ends, strict=True):
            columns = slice(end - feature.num_bins - 1, end)
            yield feature, reference[:, columns], current[:, columns]


def side_counts(feature: BinnedFeature) -> tuple[np.ndarray, np.ndarray]:
    """Rows of each side in each bin, two arrays of shape (K + 1,), int64; the first counts missing values."""
    width = feature.num_bins + 1
    return np.bincount(feature.reference, minlength=width), np.bincount(feature.current, minlength=width)


def _observed(group: Sequence[BinnedFeature], side: str) -> np.ndarray:
    position = ("reference", "current").index(side)
    return np.concatenate([side_counts(feature)[position] for feature in group])


def _groups(features: Sequence[BinnedFeature], most_columns: int) -> Iterator[list[BinnedFeature]]:
    group: list[BinnedFeature] = []
    num_columns = 0
    for feature in features:
        width = feature.num_bins + 1
        if group and num_columns + width > most_columns:
            yield group
            group, num_columns = [], 0
        group.append(feature)
        num_columns += width
    if group:
        yield group
