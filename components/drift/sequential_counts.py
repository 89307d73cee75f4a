"""Whether one of two sides has more of something, looked at as often as one likes: anytime-valid tests of counts.

Two sides answer requests at the same time, in blocks; of each block it is counted how many requests a side had, and how
many of them were of a kind (errors, slow ones, of a class). Whatever the share of the kind, and however it moves from
block to block, the counts of a side given the block's totals are hypergeometric where the sides are alike, and
Fisher's noncentral hypergeometric where the odds differ by a ratio. The evidence is the mean over a grid of
odds ratios of their likelihood, divided by that of the largest odds ratio that is tolerated: an e-process, whose
chance of ever reaching 1 / alpha is at most alpha (Ville's inequality).

Shapes: R odds ratios.

References
----------
Lindon and Malek, "Anytime-valid inference for multinomial count data", arXiv 2205.14762 (2022). Turner, Ly and
Gruenwald, "Generic E-variables for exact sequential k-sample tests that allow for optional stopping", JSPI 230 (2024).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
import math
from typing import Self

import numpy as np

NUM_RATIOS = 16
LARGEST_RATIO = 30.0
_SMALLEST_STEP = 1.25  # the least odds ratio looked for, as a multiple of what is tolerated


@dataclass(frozen=True, slots=True)
class BlockCounts:
    """Requests of two sides in one block of time, and how many of them were of the kind that is watched."""

    num_canary: int
    num_stable: int
    canary: int
    stable: int

    def __post_init__(self) -> None:
        for name, count, total in (("canary", self.canary, self.num_canary), ("stable", self.stable, self.num_stable)):
            if not 0 <= count <= total:
                raise ValueError(f"{name} must count 0 to {total} of its {total} requests, got {count}")

    @property
    def swapped(self) -> Self:
        """The same block seen from the other side."""
        return type(self)(self.num_stable, self.num_canary, self.stable, self.canary)


class MoreOnCanary:
    """Evidence that the canary has more of a kind than the stable side, one-sided.

    Parameters
    ----------
    tolerated
        The odds ratio that is no matter, at least 1: the evidence stays small wherever the true one is below it.

    Raises
    ------
    ValueError
        If `tolerated` is below 1, or so large that no ratio is left to look for.
    """

    def __init__(self, *, tolerated: float = 1.0) -> None:
        if not 1.0 <= tolerated < LARGEST_RATIO / _SMALLEST_STEP:
            raise ValueError(
                f"tolerated must be an odds ratio from 1 to {LARGEST_RATIO / _SMALLEST_STEP:g}, got {tolerated}"
            )
        self._tolerated = math.log(tolerated)
        self._ratios = np.linspace(math.log(tolerated * _SMALLEST_STEP), math.log(LARGEST_RATIO), NUM_RATIOS)
        self._log_likelihoods = np.zeros(NUM_RATIOS)

    def add(self, block: BlockCounts) -> None:
        """Take in one more block; one of a single side says nothing."""
        self._log_likelihoods += _log_likelihood_ratios(block, self._ratios, self._tolerated)

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the evidence (e-value): above log(1 / alpha) the sides differ, at level alpha."""
        return _log_mean(self._log_likelihoods)

    def state(self) -> list[float]:
        """What it has learnt, for a process that goes on."""
        return [float(value) for value in self._log_likelihoods]

    def restore(self, state: Sequence[float]) -> None:
        """Go on from a `state`; ValueError if it is none."""
        if len(state) != NUM_RATIOS or not np.isfinite(state).all():
            raise ValueError(f"the state must be {NUM_RATIOS} finite numbers, got {len(state)}")
        self._log_likelihoods = np.asarray(state, dtype=np.float64)


class OtherShares:
    """Evidence that the shares of several kinds differ between the sides, in either direction.

    Parameters
    ----------
    kinds
        Names of the kinds that a request can be of, each of one.
    tolerated
        As in `MoreOnCanary`, for each kind and direction.
    """

    def __init__(self, kinds: Sequence[str], *, tolerated: float = 1.0) -> None:
        if len(kinds) < 2 or len(set(kinds)) < len(kinds):
            raise ValueError(f"kinds must be two names or more, each of them once, got {list(kinds)}")
        self._more = {kind: MoreOnCanary(tolerated=tolerated) for kind in kinds}
        self._fewer = {kind: MoreOnCanary(tolerated=tolerated) for kind in kinds}

    def add(self, canary: Mapping[str, int], stable: Mapping[str, int]) -> None:
        """Take in one more block: counts by kind of each side. ValueError for a kind that is not known."""
        for side in (canary, stable):
            if unknown := [kind for kind in side if kind not in self._more]:
                raise ValueError(f"kinds must be {', '.join(self._more)}; got {unknown[0]!r}")
        totals = sum(canary.values()), sum(stable.values())
        for kind, more in self._more.items():
            block = BlockCounts(totals[0], totals[1], canary.get(kind, 0), stable.get(kind, 0))
            more.add(block)
            self._fewer[kind].add(block.swapped)

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the mean evidence over kinds and directions, itself an e-process."""
        every = [test.log_evidence for tests in (self._more, self._fewer) for test in tests.values()]
        return _log_mean(np.array(every))

    @property
    def strongest(self) -> str:
        """The kind with the most evidence."""
        return max(self._more, key=lambda kind: max(self._more[kind].log_evidence, self._fewer[kind].log_evidence))

    def state(self) -> dict[str, list[list[float]]]:
        """What it has learnt, for a process that goes on."""
        return {kind: [self._more[kind].state(), self._fewer[kind].state()] for kind in self._more}

    def restore(self, state: Mapping[str, Sequence[Sequence[float]]]) -> None:
        """Go on from a `state`; ValueError if it is of other kinds."""
        if set(state) != set(self._more):
            raise ValueError(f"the state must be of the kinds {', '.join(self._more)}, got {', '.join(state)}")
        for kind, (more, fewer) in state.items():
            self._more[kind].restore(more)
            self._fewer[kind].restore(fewer)


def _log_likelihood_ratios(block: BlockCounts, ratios: np.ndarray, tolerated: float) -> np.ndarray:
    """Log likelihood of each log odds ratio against that of the tolerated one, shape (R,)."""
    total = block.canary + block.stable
    least, most = max(0, total - block.num_stable), min(total, block.num_canary)
    if least == most:
        return np.zeros_like(ratios)
    counts = np.arange(least, most + 1)
    weights = _log_choices(block.num_canary, counts) + _log_choices(block.num_stable, total - counts)
    every = np.append(ratios, tolerated)
    sums = _log_sum(weights[None, :] + every[:, None] * counts[None, :])
    log_likelihoods = every * block.canary - sums
    found: np.ndarray = log_likelihoods[:-1] - log_likelihoods[-1]
    return found


def _log_choices(total: int, counts: np.ndarray) -> np.ndarray:
    """Logarithm of how many ways there are to choose counts, whole numbers, of a total."""
    table = _log_factorials(total.bit_length())
    chosen: np.ndarray = table[total] - table[counts] - table[total - counts]
    return chosen


@lru_cache(maxsize=32)
def _log_factorials(bits: int) -> np.ndarray:
    """Logarithms of the factorials of all numbers below 2 to the power of `bits`."""
    logs = np.log(np.maximum(np.arange(1 << bits, dtype=np.float64), 1.0))
    summed: np.ndarray = logs.cumsum()
    return summed


def _log_sum(values: np.ndarray) -> np.ndarray:
    """Of exponentials along the last axis."""
    top = values.max(axis=-1)
    summed: np.ndarray = top + np.log(np.exp(values - top[..., None]).sum(axis=-1))
    return summed


def _log_mean(values: np.ndarray) -> float:
    return float(_log_sum(values[None, :])[0]) - math.log(len(values))
