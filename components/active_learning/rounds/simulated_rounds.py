"""Rounds of labelling with an oracle: start with a few labels, buy batches, fit anew, score on rows nobody asks about.

Shapes: N training rows, R sizes at which a model is scored.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.active_learning.label_requests import Strategy
from components.active_learning.random_order import random_order
from components.active_learning.rounds.labelled_rows import LabelledRows
from components.active_learning.selection.batches import chosen_batch
from components.active_learning.selection.budget import BatchSettings, is_cold
from components.active_learning.selection.pool_rows import PoolRows
from components.active_learning.selection.shortlists import shortlists_of

_ROWS_A_LABEL, _FEWEST_ROWS = 10, 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundsSettings:
    """How labels are bought.

    Attributes
    ----------
    start_labels
        Labels at the start, drawn at random.
    budget
        Labels at the end, those of the start included.
    batch
        Labels a round.

    Raises
    ------
    ValueError
        If one of them is not above 0, there are fewer than 2 labels at the start, or no more at the end.
    """

    start_labels: int
    budget: int
    batch: int

    def __post_init__(self) -> None:
        if self.start_labels < 2:
            raise ValueError(f"start_labels must be at least 2, got {self.start_labels}")
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1 label, got {self.batch}")
        if self.budget <= self.start_labels:
            raise ValueError(f"budget must be above the {self.start_labels} labels of the start, got {self.budget}")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Labels at the start and after each round, R numbers."""
        return (*range(self.start_labels, self.budget, self.batch), self.budget)


def start_rows(labels: np.ndarray, num_rows: int, seed: int) -> np.ndarray:
    """Rows that are labelled at the start, drawn at random; where all are of one class, the last is of another."""
    drawn = np.random.default_rng(seed).permutation(len(labels))
    rows, rest = drawn[:num_rows].copy(), drawn[num_rows:]
    if len(np.unique(labels[rows])) < 2:
        others = rest[labels[rest] != labels[rows[0]]]
        rows[-1:] = others[:1]
    return rows


def learning_curve(
    rows: LabelledRows, shares: Mapping[Strategy, float], settings: RoundsSettings, *, seed: int
) -> np.ndarray:
    """Accuracy on the test rows at each size, shape (R,), 0 to 1; `nan` at sizes that the pool is too small for.

    Two strategies with the same seed start with the same labels, and draw at random in the same order.

    Parameters
    ----------
    rows
        What can be asked about, and what the model is scored on.
    shares
        Of each strategy; see `BatchSettings`.
    settings
        How labels are bought.
    seed
        Of the start and of all draws.
    """
    names = [str(number) for number in range(len(rows))]
    order = random_order(names, seed)
    is_labelled = np.zeros(len(rows), bool)
    is_labelled[start_rows(rows.train_labels, settings.start_labels, seed)] = True
    accuracies = np.full(len(settings.sizes), np.nan)
    answers = np.zeros((len(rows), len(rows.class_names)))
    for place, size in enumerate(settings.sizes):
        if place:
            batch = BatchSettings(budget=size - settings.sizes[place - 1], shares=shares, seed=seed * 1000 + place)
            is_labelled[_bought(rows, names, order, is_labelled, answers, batch)] = True
        if int(is_labelled.sum()) < size:
            break
        model = rows.fit(rows.train[is_labelled], rows.train_labels[is_labelled])
        accuracies[place] = float((model(rows.test).argmax(axis=1) == rows.test_labels).mean())
        if place + 1 < len(settings.sizes):
            answers = model(rows.train)
    return accuracies


def _bought(
    rows: LabelledRows,
    names: list[str],
    order: np.ndarray,
    is_labelled: np.ndarray,
    answers: np.ndarray,
    settings: BatchSettings,
) -> np.ndarray:
    """Places of the rows that are asked about in one round."""
    pool = PoolRows(
        example_ids=np.array(names, dtype=object),
        order=order,
        probabilities=answers,
        embeddings=rows.embeddings,
        content_ids=rows.content_ids,
    )
    wanted = [name for name, share in settings.shares.items() if share]
    size = max(_ROWS_A_LABEL * settings.budget, _FEWEST_ROWS)
    lists = shortlists_of([(pool, is_labelled)], wanted, size=size)
    cold = is_cold(int(is_labelled.sum()), len(rows.class_names))
    known = np.unique(rows.content_ids[is_labelled]).tolist()
    batch = chosen_batch(lists, settings, rows.class_names, cold=cold, known_contents=[key for key in known if key])
    return np.array([int(choice.example_id) for choice in batch.choices], np.int64)
