"""The search for slices with more errors than expected: every condition, then pairs and triples of the best.

Shapes: N examples, M conditions, B slices that are extended, C any number of slices.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_PAIR_BEAM, _TRIPLE_BEAM = 50, 10


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Candidates:
    """Slices of one depth: each of some slices with one condition more.

    Attributes
    ----------
    bases
        Shape (B, depth - 1), int: numbers of the conditions that must hold already.
    scores
        Shape (B, M): evidence that the slice of a base and a condition has more errors than expected, less what its
        conditions cost; `-inf` where it has no more than that, is too small or too large, or is the same as with fewer
        conditions.
    """

    bases: np.ndarray
    scores: np.ndarray

    def members(self, places: np.ndarray) -> np.ndarray:
        """Numbers of the conditions of the slices at places of the flat scores, shape (len(places), depth), int."""
        base, condition = np.divmod(places, self.scores.shape[1])
        return np.column_stack([self.bases[base], condition])


class SliceSearch:
    """A search over conjunctions of conditions that can be run on many columns of errors.

    It is greedy: pairs hold one of the 50 best conditions, triples one of the 10 best pairs. Run on permuted errors it
    is as greedy, so that a test by permutation counts everything that was looked at.

    Parameters
    ----------
    masks
        Shape (N, M), bool: which examples fulfil each condition.
    min_examples, max_share
        Slices of fewer examples, or of a larger share of them, are none.
    max_conditions
        1 to 3.
    is_share
        Whether errors are 0 or 1, and the evidence is a share's; else a mean's.
    """

    def __init__(
        self, masks: np.ndarray, *, min_examples: int, max_share: float, max_conditions: int, is_share: bool
    ) -> None:
        if not 1 <= max_conditions <= 3:
            raise ValueError(f"max_conditions must be 1, 2 or 3, got {max_conditions!r}")
        self.num_rows, self.num_conditions = masks.shape
        self._by_row = np.ascontiguousarray(masks, dtype=np.float32)
        self._by_condition = np.ascontiguousarray(self._by_row.T)
        self._sizes = self._by_row.sum(axis=0, dtype=np.float64)
        self._pair_sizes = (self._by_condition @ self._by_row).astype(np.float64) if max_conditions > 1 else None
        self._bounds = (float(min_examples), max_share * self.num_rows)
        self._max_conditions = max_conditions
        self._is_share = is_share
        # What one more condition costs. With it, errors at random reach about the same best score at every depth.
        self.cost = float(np.log(max(self.num_conditions, 2)))

    def levels(self, errors: np.ndarray, expected: np.ndarray | None = None) -> Iterator[Candidates]:
        """Candidates of one condition, of two, of three.

        Parameters
        ----------
        errors
            Shape (N,): 0 or 1, or numbers of which the larger ones are worse.
        expected
            Shape (N,): what is expected of each; None for the mean of all.
        """
        sums = _Sums(errors, expected, self._by_row, self._by_condition, is_share=self._is_share)
        first = self._scores(sums.of_conditions(), self._sizes[None, :], sums, depth=1)
        yield Candidates(bases=np.zeros((1, 0), dtype=np.int64), scores=first)
        if self._pair_sizes is None or self.num_conditions < 2:
            return
        beam = _best(first[0], _PAIR_BEAM)
        sizes = self._pair_sizes[beam]
        scores = self._scores(sums.of_pairs(beam), sizes, sums, depth=2)
        is_one = sizes > np.minimum(self._sizes[beam][:, None], self._sizes) - 0.5
        scores[is_one | self._is_twice(beam)] = -np.inf
        pairs = Candidates(bases=beam[:, None], scores=scores)
        yield pairs
        if self._max_conditions > 2:
            yield from self._triples(pairs, sums)

    def score(self, rows: np.ndarray, errors: np.ndarray, expected: np.ndarray | None, *, num_conditions: int) -> float:
        """The score that some rows, shape (N,), bool, have as a slice of so many conditions; as in `Candidates`."""
        size, total = float(rows.sum()), float(errors[rows].sum())
        usual = size * float(errors.mean()) if expected is None else float(expected[rows].sum())
        if not self._bounds[0] <= size <= self._bounds[1] or total <= usual:
            return -np.inf
        residuals = errors - (errors.mean() if expected is None else expected)
        found = evidence(
            np.array([total]), np.array([usual]), np.array([size]), None if self._is_share else float(residuals.var())
        )
        return float(found[0]) / (1.0 - size / self.num_rows) - num_conditions * self.cost

    def _is_twice(self, beam: np.ndarray) -> np.ndarray:
        """Whether the pair of a condition of the beam and another is also that of the other and this one, (B, M)."""
        in_beam = np.zeros(self.num_conditions, dtype=bool)
        in_beam[beam] = True
        return in_beam & (np.arange(self.num_conditions) <= beam[:, None])

    def _triples(self, pairs: Candidates, sums: "_Sums") -> Iterator[Candidates]:
        scores = pairs.scores.ravel()
        best = _best(scores, _TRIPLE_BEAM)
        best = best[np.isfinite(scores[best])]
        if not len(best):
            return
        members = pairs.members(best)
        both = self._by_condition[members[:, 0]] * self._by_condition[members[:, 1]]
        sizes = (both @ self._by_row).astype(np.float64)
        found = self._scores(sums.of_masks(both), sizes, sums, depth=3)
        assert self._pair_sizes is not None
        is_pair = sizes > both.sum(axis=1)[:, None] - 0.5
        for column in (0, 1):
            is_pair |= sizes > self._pair_sizes[members[:, column]] - 0.5
        found[is_pair] = -np.inf
        yield Candidates(bases=members, scores=found)

    def _scores(
        self, found: tuple[np.ndarray, np.ndarray | None], sizes: np.ndarray, sums: "_Sums", *, depth: int
    ) -> np.ndarray:
        total, expected = found
        usual = sizes * sums.mean if expected is None else expected
        scores = np.full(sizes.shape, -np.inf)
        counted = (sizes >= self._bounds[0]) & (sizes <= self._bounds[1]) & (total > usual)
        left_out = 1.0 - sizes[counted] / self.num_rows
        scores[counted] = evidence(total[counted], usual[counted], sizes[counted], sums.variance) / left_out
        return scores - depth * self.cost


def evidence(totals: np.ndarray, expected: np.ndarray, sizes: np.ndarray, variance: float | None) -> np.ndarray:
    """Deviance of sums of errors from what is expected, shape (C,): about chi-squared with one degree of freedom.

    Twice the log likelihood ratio of a share (`variance` is None: errors are 0 or 1), or of a mean of that variance.
    """
    if variance is not None:
        return (totals - expected) ** 2 / (sizes * variance) if variance > 0.0 else np.zeros_like(totals)
    inside = np.clip(totals, 0.0, sizes)
    usual = np.clip(expected, 1e-9, sizes - 1e-9)
    return 2.0 * (_x_log(inside, usual) + _x_log(sizes - inside, sizes - usual))


class _Sums:
    """Sums of errors, and of what is expected, over slices; where errors are 0 or 1, only rows with one are read."""

    def __init__(
        self,
        errors: np.ndarray,
        expected: np.ndarray | None,
        by_row: np.ndarray,
        by_condition: np.ndarray,
        *,
        is_share: bool,
    ) -> None:
        self.mean = float(errors.mean())
        residuals = errors - (self.mean if expected is None else expected)
        self.variance = None if is_share else float(residuals.var())
        rows = np.flatnonzero(errors)
        self._is_few = is_share
        self._rows = rows
        self._errors = errors.astype(np.float32)
        self._of_errors = by_row[rows] if self._is_few else by_row
        self._expected = None if expected is None else expected.astype(np.float32)
        self._by_row, self._by_condition = by_row, by_condition

    def of_conditions(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Of each condition, shape (1, M)."""
        total = self._of_errors.sum(axis=0) if self._is_few else self._errors @ self._by_row
        usual = None if self._expected is None else (self._expected @ self._by_row).astype(np.float64)[None, :]
        return total.astype(np.float64)[None, :], usual

    def of_pairs(self, beam: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Of each pair of one of `beam` and any condition, shape (len(beam), M)."""
        if self._is_few:
            total = np.ascontiguousarray(self._of_errors[:, beam].T) @ self._of_errors
            usual = None if self._expected is None else self._weighted(self._by_condition[beam], self._expected)
            return total.astype(np.float64), usual
        return self.of_masks(self._by_condition[beam])

    def of_masks(self, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Of each mask, shape (C, N), with any condition, shape (C, M)."""
        total = masks[:, self._rows] @ self._of_errors if self._is_few else (masks * self._errors) @ self._by_row
        usual = None if self._expected is None else self._weighted(masks, self._expected)
        return total.astype(np.float64), usual

    def _weighted(self, masks: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return ((masks * weights) @ self._by_row).astype(np.float64)


def _best(scores: np.ndarray, number: int) -> np.ndarray:
    """Places of the largest scores, in their order."""
    if len(scores) <= number:
        return np.arange(len(scores))
    return np.sort(np.argpartition(-scores, number - 1)[:number])


def _x_log(values: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """`x log(x / e)`, 0 where x is 0."""
    ratio = np.divide(values, expected, out=np.ones_like(values), where=values > 0.0)
    return values * np.log(ratio)
