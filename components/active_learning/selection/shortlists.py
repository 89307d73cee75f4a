"""The rows of a pool that a batch is chosen from: a bounded number, found in one pass in bounded memory.

Which rows they are depends neither on the order of the pool nor on the parts in which it is read.

Shapes: N rows of a part.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from components.active_learning.label_requests import Strategy
from components.active_learning.selection.pool_rows import equal_contents, first_of_each, joined_rows, PoolRows
from components.active_learning.selection.uncertainty import UNCERTAINTY, uncertainty_scores

Score = Callable[[PoolRows], np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shortlists:
    """What is left of a pool.

    Attributes
    ----------
    by_strategy
        For each strategy of uncertainty its rows, the most uncertain first; for `random` rows drawn at random, in their
        order.
    num_rows, num_left_out
        Rows of the pool, and how many of them are labelled or asked about already.
    covered
        Shape (M, D): embeddings of some of those, drawn at random.
    """

    by_strategy: Mapping[Strategy, PoolRows]
    num_rows: int
    num_left_out: int
    covered: np.ndarray


class BestRows:
    """Keeps the `size` rows with the largest scores of all that it is shown; equal scores go by the random order.

    Of rows with one content only the best is kept, so that a comment that is there a thousand times takes one place.
    """

    def __init__(self, size: int, score: Score) -> None:
        self._size, self._score = size, score
        self._kept: list[PoolRows] = []
        self._num_kept, self._floor = 0, -np.inf

    def add(self, rows: PoolRows) -> None:
        """Show N rows more."""
        wanted = self._score(rows) >= self._floor
        if wanted.any():
            chosen = rows if wanted.all() else rows.take(wanted)
            self._kept.append(chosen)
            self._num_kept += len(chosen)
        if self._num_kept >= 2 * self._size + 1024:
            self._prune()

    def rows(self) -> PoolRows | None:
        """The rows, the best first; None where none was shown."""
        if not self._kept:
            return None
        self._prune()
        return self._kept[0]

    def _prune(self) -> None:
        rows = joined_rows(self._kept)
        scores = self._score(rows)
        ranked = np.lexsort((rows.order, -scores))
        once = first_of_each(np.unique(rows.example_ids, return_inverse=True)[1].astype(np.uint64) + 1, ranked)
        best = first_of_each(equal_contents(rows.embeddings, rows.content_ids), once)[: self._size]
        self._kept, self._num_kept = [rows.take(best)], len(best)
        if len(best) == self._size:
            self._floor = float(scores[best[-1]])


def shortlists_of(
    parts: Iterable[tuple[PoolRows, np.ndarray]], strategies: Iterable[Strategy], *, size: int, num_covered: int = 2000
) -> Shortlists:
    """Shortlists of a pool that is read once.

    Parameters
    ----------
    parts
        N rows each, and which of them are labelled or asked about already, shape (N,), bool.
    strategies
        Those of uncertainty each get a list; rows drawn at random are kept always.
    size
        Rows a list at most.
    num_covered
        Embeddings of rows that are left out at most.

    Raises
    ------
    ValueError
        If mutual information is asked for and not there.
    """
    wanted: list[Strategy] = [name for name in strategies if name in UNCERTAINTY]
    lists = {name: BestRows(size, _score_of(name)) for name in wanted} | {"random": BestRows(size, _at_random)}
    covered = BestRows(num_covered, _at_random)
    num_rows = num_left_out = 0
    for rows, is_left_out in parts:
        num_rows, num_left_out = num_rows + len(rows), num_left_out + int(is_left_out.sum())
        if is_left_out.any():
            covered.add(rows.take(is_left_out))
            rows = rows.take(~is_left_out)
        for kept in lists.values() if len(rows) else ():
            kept.add(rows)
    found = {name: kept.rows() for name, kept in lists.items()}
    over = covered.rows()
    return Shortlists(
        by_strategy={name: rows for name, rows in found.items() if rows is not None},
        num_rows=num_rows,
        num_left_out=num_left_out,
        covered=np.zeros((0, 0), np.float32) if over is None else over.embeddings,
    )


def _score_of(strategy: Strategy) -> Score:
    return lambda rows: uncertainty_scores(rows, strategy)


def _at_random(rows: PoolRows) -> np.ndarray:
    return -rows.order.astype(np.float64)
