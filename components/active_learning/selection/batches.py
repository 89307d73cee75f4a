"""One batch of rows for people to label, from the shortlists of a pool.

Rows at random are drawn first, as if there were no model; then what the model is unsure of, rows that lie apart; then
what is unlike all that is known. A row that is nearly the same as one that is chosen or labelled is passed over.

Shapes: N rows, D numbers an embedding.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from components.active_learning.label_requests import Strategy
from components.active_learning.selection.budget import BatchSettings, budget_split
from components.active_learning.selection.diversity import farthest_rows, typical_rows, unsure_rows_apart
from components.active_learning.selection.embedding_space import directions, near_duplicate_similarity
from components.active_learning.selection.pool_rows import equal_contents, PoolRows, UNKNOWN_CONTENT
from components.active_learning.selection.reasons import reason
from components.active_learning.selection.shortlists import Shortlists
from components.active_learning.selection.uncertainty import UNCERTAINTY, uncertainty_scores

# Of rows drawn at random so many are looked at to find typical and far ones: k-means of more is slow.
_MAX_DIVERSE_CANDIDATES = 5000
# A label for what the model is unsure of is spent on one of so many rows.
_UNSURE_CANDIDATES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A row that was chosen: by which strategy, with which score, and why, in a sentence."""

    example_id: str
    strategy: Strategy
    score: float
    why: str
    predicted: str
    probability: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Batch:
    """What was chosen, in the order of its strategies, and how many rows were passed over as near duplicates."""

    choices: tuple[Choice, ...]
    num_near_duplicates: int


class _Taken:
    """What is chosen or labelled: names, contents, and where it lies."""

    def __init__(self, lists: Shortlists, known_contents: Collection[int], budget: int) -> None:
        sample = lists.by_strategy["random"].embeddings
        self._limit = near_duplicate_similarity(sample)
        self._names: set[str] = set()
        self._keys = {int(key) for key in known_contents}
        known = lists.covered if lists.covered.shape[1] == sample.shape[1] else sample[:0]
        self._room = np.zeros((len(known) + budget, sample.shape[1]), np.float32)
        self._room[: len(known)] = directions(known)
        self._num_vectors = len(known)
        self.num_near_duplicates = 0

    @property
    def vectors(self) -> np.ndarray:
        """Directions of what is labelled or chosen, shape (M, D)."""
        return self._room[: self._num_vectors]

    def admits(self, rows: PoolRows, key: int, place: int, *, looks_at_model: bool) -> bool:
        """Whether a row may be asked about; near duplicates are looked for only where the model is asked anyway."""
        if rows.example_ids[place] in self._names or (key != UNKNOWN_CONTENT and key in self._keys):
            return False
        if not looks_at_model or not len(self.vectors):
            return True
        vector = directions(rows.embeddings[place : place + 1])[0]
        is_near = bool((self.vectors @ vector).max() >= self._limit)
        self.num_near_duplicates += is_near
        return not is_near

    def add(self, rows: PoolRows, key: int, place: int) -> None:
        self._names.add(rows.example_ids[place])
        self._keys.add(key)
        self._room[self._num_vectors] = directions(rows.embeddings[place : place + 1])[0]
        self._num_vectors += 1


def chosen_batch(
    lists: Shortlists,
    settings: BatchSettings,
    class_names: Sequence[str],
    *,
    cold: bool = False,
    known_contents: Collection[int] = (),
) -> Batch:
    """Choose a batch.

    Parameters
    ----------
    lists
        Of the pool; those of every strategy that `settings` has.
    class_names
        In the order of the probabilities.
    cold
        Whether there are too few labels to ask the model what it is unsure of.
    known_contents
        Contents that are labelled already.

    Returns
    -------
    Batch
        Fewer rows than the budget only where the pool has no more that differ.
    """
    if "random" not in lists.by_strategy:
        return Batch(choices=(), num_near_duplicates=0)
    sample = lists.by_strategy["random"]
    taken = _Taken(lists, known_contents, settings.budget)
    split = budget_split(settings, cold=cold, has_embeddings=bool(sample.embeddings.shape[1]))
    found = _chosen(sample, np.arange(len(sample)), "random", split.get("random", 0), taken, class_names)
    for name in (name for name in split if name in UNCERTAINTY):
        rows = lists.by_strategy[name]
        ranked = _unsure(rows, name, split[name], settings.seed)
        found += _chosen(rows, ranked, name, split[name], taken, class_names)
    # What near duplicates leave over is spent on what is unlike all that is known.
    if sample.embeddings.shape[1]:
        found += _diverse(sample, settings.budget - len(found), taken, class_names, settings.seed, cold=cold)
    for name, rows in lists.by_strategy.items():
        found += _chosen(rows, np.arange(len(rows)), name, settings.budget - len(found), taken, class_names)
    return Batch(choices=tuple(found), num_near_duplicates=taken.num_near_duplicates)


def _chosen(
    rows: PoolRows,
    ranked: np.ndarray,
    strategy: Strategy,
    num_wanted: int,
    taken: _Taken,
    class_names: Sequence[str],
    *,
    cold: bool = False,
) -> list[Choice]:
    """The first rows of `ranked` that may be asked about."""
    found: list[Choice] = []
    if num_wanted <= 0 or not len(rows):
        return found
    scores = uncertainty_scores(rows, strategy) if strategy in UNCERTAINTY else np.zeros(len(rows))
    keys = equal_contents(rows.embeddings, rows.content_ids)
    for rank, place in enumerate(ranked.tolist()):
        if len(found) == num_wanted:
            break
        key = int(keys[place])
        if taken.admits(rows, key, place, looks_at_model=strategy != "random"):
            taken.add(rows, key, place)
            score = 1.0 - rank / len(ranked) if strategy == "diversity" else float(scores[place])
            found.append(_choice(rows, place, strategy, score, class_names, cold=cold))
    return found


def _unsure(rows: PoolRows, strategy: Strategy, num_wanted: int, seed: int) -> np.ndarray:
    """The order in which unsure rows are asked about: such as lie apart first, then the most uncertain."""
    everything = np.arange(len(rows))
    if not rows.embeddings.shape[1] or not num_wanted:
        return everything
    among = rows.take(everything[: _UNSURE_CANDIDATES * num_wanted])
    num_ranked = min(num_wanted + num_wanted // 4 + 10, len(among))  # some are passed over
    scores = uncertainty_scores(among, strategy)
    apart = unsure_rows_apart(scores, among.probabilities, among.embeddings, num_ranked, seed=seed)
    return np.concatenate([apart, np.setdiff1d(everything, apart)])


def _diverse(
    sample: PoolRows, num_wanted: int, taken: _Taken, class_names: Sequence[str], seed: int, *, cold: bool
) -> list[Choice]:
    """Typical rows while there are few labels, far ones later: low budgets want the one, high budgets the other."""
    if num_wanted <= 0:
        return []
    rows = sample.take(np.arange(min(len(sample), _MAX_DIVERSE_CANDIDATES)))
    num_ranked = min(2 * num_wanted, len(rows))  # some are passed over
    if cold:
        ranked = typical_rows(rows.embeddings, taken.vectors, num_ranked, seed=seed)
    else:
        ranked = farthest_rows(rows.embeddings, taken.vectors, num_ranked)
    return _chosen(rows, ranked, "diversity", num_wanted, taken, class_names, cold=cold)


def _choice(
    rows: PoolRows, place: int, strategy: Strategy, score: float, class_names: Sequence[str], *, cold: bool
) -> Choice:
    probabilities = rows.probabilities[place]
    predicted = int(probabilities.argmax())
    return Choice(
        example_id=str(rows.example_ids[place]),
        strategy=strategy,
        score=score,
        why=reason(strategy, probabilities, class_names, cold=cold),
        predicted=class_names[predicted],
        probability=float(probabilities[predicted]),
    )
