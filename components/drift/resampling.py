"""Permuted sides: one matrix product gives the rows in every bin for every permutation of the blocks."""

from collections.abc import Iterator, Sequence

import numpy as np

from components.drift.binned import BinnedFeature
from components.drift.blocks import block_counts, Blocks

_CELLS_AT_ONCE = 4_000_000


def permuted_labels(
    num_reference: int, num_current: int, *, num_permutations: int, rng: np.random.Generator
) -> np.ndarray:
    """Which of R + C blocks are the reference in each of P permutations: (P, R + C), float32, R ones a row."""
    labels = np.zeros((num_permutations, num_reference + num_current), dtype=np.float32)
    labels[:, :num_reference] = 1.0
    return rng.permuted(labels, axis=1)


def resampled_sums(
    labels: np.ndarray, block_sums: np.ndarray, observed: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Sums over the rows of reference and current, (P + 1, K) each, float64; row 0 is `observed`, (K,) each.

    `labels` is (P, B), from `permuted_labels`; `block_sums` (B, K), float32, sums (counts, say) over the rows of each
    block. Counts up to 2 ** 24 stay exact.
    """
    reference = labels @ block_sums
    current = block_sums.sum(axis=0, dtype=np.float64) - reference
    sides = ((observed[0], reference), (observed[1], current))
    first, second = (np.vstack([whole.astype(np.float64), permuted]) for whole, permuted in sides)
    return first, second


def resampled_counts(
    features: Sequence[BinnedFeature], blocks: Blocks, labels: np.ndarray
) -> Iterator[tuple[BinnedFeature, np.ndarray, np.ndarray]]:
    """Every feature with the counts (P + 1, K + 1), float64, of its reference and its current side.

    Row 0 is what was observed, on all rows; column 0 counts missing values. `labels` is (P, B), float32, from
    `permuted_labels`. As many features go into one matrix product as memory should hold.
    """
    for group in _groups(features, _CELLS_AT_ONCE // max(labels.shape)):
        ends = np.cumsum([feature.num_bins + 1 for feature in group])
        observed = _observed(group, "reference"), _observed(group, "current")
        reference, current = resampled_sums(labels, block_counts(group, blocks), observed)
        for feature, end in zip(group, ends, strict=True):
            columns = slice(end - feature.num_bins - 1, end)
            yield feature, reference[:, columns], current[:, columns]


def side_counts(feature: BinnedFeature) -> tuple[np.ndarray, np.ndarray]:
    """Rows of reference and current in each bin, shape (K + 1,) each, int64; the first counts missing values."""
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
