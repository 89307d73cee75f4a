"""Rows grouped into blocks of one size on both sides: whole blocks are permuted instead of rows.

Permuting blocks gives an exact test where blocks are exchangeable. Rows without an order are exchangeable, one by one
or in random groups; groups only make the permutations cheap. Rows in time are not, since neighbours resemble each
other; runs that are longer than the series' autocorrelation time nearly are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
import math

import numpy as np

from components.drift.autocorrelation import autocorrelation_time
from components.drift.binned import BinnedFeature

NO_BLOCK = -1
_MOST_SINGLE_ROWS = 2000
_BLOCKS_OF_SMALLER_SIDE = 500
_MOST_BLOCKS_RATIO = 20
_FEWEST_RUNS = 8
_RUN_OVER_MEMORY = 5
_NUM_MIXTURES = 8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Blocks:
    """Which block each row is in.

    Attributes
    ----------
    reference, current
        Shape (N,) and (M,), int64: block numbers, 0 to R - 1 on the reference side, R to R + C - 1 on the current side;
        -1 where the row takes no part in the permutations.
    num_reference, num_current
        R and C.
    block_rows
        Rows in a block. Rows that fill no block are spread over the side's blocks, so that none is lost.
    may_be_dependent
        Whether neighbouring blocks may still resemble each other, because longer ones would have been too few.
    """

    reference: np.ndarray
    current: np.ndarray
    num_reference: int
    num_current: int
    block_rows: int
    may_be_dependent: bool = False

    @property
    def num_blocks(self) -> int:
        """R + C."""
        return self.num_reference + self.num_current


def exchangeable_blocks(num_reference: int, num_current: int, *, rng: np.random.Generator) -> Blocks:
    """Blocks of rows that have no order: single rows up to 2,000 rows in all, else random groups.

    Groups are about 500 on the smaller side. The larger side has at most 20 times as many blocks as the smaller; its
    other rows take no part.
    """
    smaller = min(num_reference, num_current)
    alone = num_reference + num_current <= _MOST_SINGLE_ROWS
    block_rows = 1 if alone else max(1, round(smaller / _BLOCKS_OF_SMALLER_SIDE))
    most = _MOST_BLOCKS_RATIO * (smaller // block_rows)
    sides = [_random_groups(rows, block_rows, most, rng) for rows in (num_reference, num_current)]
    return _blocks(*sides, block_rows=block_rows)


def ordered_blocks(num_reference: int, num_current: int, *, memory_rows: float, rng: np.random.Generator) -> Blocks:
    """Blocks of rows that are ordered in time (8 or more a side): runs of neighbours.

    `memory_rows` is the longest autocorrelation time of what is compared. A run is 5 times as long, and at least the
    square root of the smaller side, but leaves that side 8 runs; `may_be_dependent` says where 8 runs of that length do
    not fit. `rng` picks the runs of the larger side where it has more than 20 times as many as the smaller.
    """
    smaller = min(num_reference, num_current)
    wanted = max(math.ceil(math.sqrt(smaller)), math.ceil(_RUN_OVER_MEMORY * memory_rows))
    block_rows = max(1, min(wanted, smaller // _FEWEST_RUNS))
    most = _MOST_BLOCKS_RATIO * (smaller // block_rows)
    sides = [_runs(rows, block_rows, most, rng) for rows in (num_reference, num_current)]
    return _blocks(*sides, block_rows=block_rows, may_be_dependent=wanted > block_rows)


def longest_memory(features: Iterable[BinnedFeature], joint: tuple[np.ndarray, np.ndarray] | None = None) -> float:
    """Longest autocorrelation time, in rows (1 or more), of anything that is compared.

    Parameters
    ----------
    features
        Their codes are used, in which a missing value is a code of its own.
    joint
        Shape (N, D) and (M, D): 8 seeded random mixtures of their standardised columns are used.
    """
    series = [side for feature in features for side in (feature.reference, feature.current)]
    for side in joint or ():
        series.extend(_mixtures(side))
    return max((autocorrelation_time(values) for values in series), default=1.0)


def block_counts(features: Iterable[BinnedFeature], blocks: Blocks) -> np.ndarray:
    """Rows of every block in every bin, (R + C, sum of K + 1), float32; features side by side, missing values first."""
    rows = np.concatenate([blocks.reference, blocks.current])
    kept = rows != NO_BLOCK
    everything = bool(kept.all())
    counts = []
    for feature in features:
        width = feature.num_bins + 1
        cells = rows * width + np.concatenate([feature.reference, feature.current])
        cells = cells if everything else cells[kept]
        counted = np.bincount(cells, minlength=blocks.num_blocks * width)
        counts.append(counted.reshape(blocks.num_blocks, width).astype(np.float32))
    return np.concatenate(counts, axis=1)


def rows_of_blocks(block_of: np.ndarray, most: int) -> np.ndarray:
    """Positions (n,) of the first `most` rows of every block, in the blocks' order; block number -1 is no block."""
    order = np.argsort(block_of, kind="stable")
    order = order[block_of[order] != NO_BLOCK]
    numbers = block_of[order]
    place_in_block = np.arange(len(order)) - np.searchsorted(numbers, numbers)
    return order[place_in_block < most]


def _blocks(
    reference: tuple[np.ndarray, int],
    current: tuple[np.ndarray, int],
    *,
    block_rows: int,
    may_be_dependent: bool = False,
) -> Blocks:
    (reference_rows, num_reference), (current_rows, num_current) = reference, current
    return Blocks(
        reference=reference_rows,
        current=np.where(current_rows == NO_BLOCK, NO_BLOCK, current_rows + num_reference),
        num_reference=num_reference,
        num_current=num_current,
        block_rows=block_rows,
        may_be_dependent=may_be_dependent,
    )


def _random_groups(num_rows: int, block_rows: int, most: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    num_blocks = min(max(1, num_rows // block_rows), most)
    groups = np.arange(num_rows) % num_blocks
    if num_rows // block_rows > most:
        groups[most * block_rows :] = NO_BLOCK
    return rng.permutation(groups), num_blocks


def _runs(num_rows: int, block_rows: int, most: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    num_runs = max(1, num_rows // block_rows)
    runs = np.arange(num_rows) * num_runs // num_rows
    if num_runs <= most:
        return runs, num_runs
    number_of = np.full(num_runs, NO_BLOCK)
    number_of[rng.choice(num_runs, most, replace=False)] = np.arange(most)
    return number_of[runs], most


def _mixtures(rows: np.ndarray) -> np.ndarray:
    """Random mixtures of one side's columns, shape (8, N)."""
    finite = np.where(np.isfinite(rows), rows, 0.0).astype(np.float64)
    deviations = finite.std(axis=0)
    weights = np.random.default_rng(0).standard_normal((_NUM_MIXTURES, rows.shape[1]))
    return (weights / np.where(deviations > 0, deviations, 1.0)) @ finite.T
