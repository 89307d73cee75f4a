"""What labels by a model do to a stand-in: fitted with and without them to halves of people's labels.

Two models that never saw one another's labels agree by chance, or because both are right. If labels by a model help,
the two agree more with them than without, all over the pool, which tells much even where people gave 20 labels; and
people's labels that neither saw must not say the contrary. Shapes: L labels for training, M held out, N pool rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
import math

import numpy as np
from scipy.stats import t

from components.active_learning.pseudo_labels.calibration import sure_enough
from components.active_learning.pseudo_labels.class_cap import capped_choice
from components.active_learning.pseudo_labels.second_view import SecondView
from components.active_learning.pseudo_labels.stand_ins import stacked, StandIn
from components.drift.paired_shares import paired_shares, PairedDifference

NUM_REPEATS = 6


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PeopleLabels:
    """What people said of rows for training, shape (L,), and of held-out rows, shape (M,): class indices below K."""

    train: np.ndarray
    held_out: np.ndarray
    num_classes: int

    def counts(self) -> np.ndarray:
        """Training labels of each class, shape (K,)."""
        return np.bincount(self.train, minlength=self.num_classes)


@dataclass(frozen=True, kw_only=True, slots=True)
class SelfTraining:
    """What labels by a stand-in do to it.

    Attributes
    ----------
    stand_in, times
        Its name, and how many labels by it each of people's allows.
    agreement_without, agreement_with
        Cohen's kappa of the answers to the pool of two stand-ins, each fitted to one half of people's labels.
    gain, gain_low
        By how much the accuracy rises if the two err independently, and the lower end of that over the halvings.
    people
        Accuracy on people's labels that neither saw, with labels by a model (challenger) and without; a label is
        asked about once a halving, and counts as one.
    p_better
        The chance of a difference at least this good where they change nothing; one-sided, 0 to 1.
    """

    stand_in: str
    times: int
    agreement_without: float
    agreement_with: float
    gain: float
    gain_low: float
    people: PairedDifference
    p_better: float

    def is_shown(self, level: float) -> bool:
        """Whether they help by more than chance: the pool's agreement and people's labels both say so."""
        return self.gain_low > 0.0 and self.people.difference > 0.0 and self.p_better < level


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Half:
    """Answers of a stand-in that learnt one half: without labels by a model, then for each number of them with."""

    pool: list[np.ndarray]
    right: list[np.ndarray]
    asked: np.ndarray


def self_training(
    stand_in: StandIn,
    people: PeopleLabels,
    *,
    times: tuple[int, ...],
    second_view: SecondView | None = None,
    level: float = 0.05,
    seed: int = 0,
) -> list[SelfTraining]:
    """What a stand-in gains by its own labels, for each number of them.

    Parameters
    ----------
    times
        How many labels by the model for each of people's.
    second_view
        Of the training rows, then the pool's; None where there are no embeddings.
    level
        One-sided, of `gain_low`.
    """
    rng = np.random.default_rng(seed)
    halvings = [
        [_half(stand_in, people, mine, other, times, second_view) for mine, other in (halves, halves[::-1])]
        for halves in _halvings(people.train, rng)
    ]
    return [
        _summary(stand_in.name, number, halvings, place, people.num_classes, level)
        for place, number in enumerate(times, start=1)
    ]


def own_classes(
    stand_in: StandIn, people: PeopleLabels, times: int, second_view: SecondView | None = None
) -> np.ndarray:
    """What a stand-in that learnt all training labels and its own ones answers to the pool, shape (N,)."""
    everyone = np.arange(len(people.train))
    found: np.ndarray = _half(stand_in, people, everyone, everyone[:0], (times,), second_view).pool[1]
    return found


def accuracy_by_agreement(kappa: float, num_classes: int) -> float:
    """Accuracy of two models that are right equally often, err independently, and agree by `kappa` beyond chance.

    For two equally frequent classes 2a - 1 is the correlation of a model with the truth, and kappa the product of two.
    """
    return 1.0 / num_classes + (1.0 - 1.0 / num_classes) * math.sqrt(max(kappa, 0.0))


def _halvings(labels: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of halves of the rows, each with half of each class."""
    for _ in range(NUM_REPEATS):
        order = rng.permutation(len(labels))
        order = order[np.argsort(labels[order], kind="stable")]
        yield order[::2], order[1::2]


def _half(
    stand_in: StandIn,
    people: PeopleLabels,
    mine: np.ndarray,
    other: np.ndarray,
    times: tuple[int, ...],
    second_view: SecondView | None,
) -> _Half:
    rows, labels, num_classes = stand_in.train[mine], people.train[mine], people.num_classes
    asked = stacked(stand_in.train[other], stand_in.held_out)
    truth = np.concatenate([people.train[other], people.held_out])
    first = stand_in.fitted(rows, labels, num_classes)
    sure = first(stand_in.pool)
    pool, right = [sure.argmax(axis=1)], [first(asked).argmax(axis=1) == truth]
    is_candidate = sure.max(axis=1) >= sure_enough(sure)[pool[0]]
    if second_view is not None:
        is_candidate &= second_view.classes(mine, labels, num_classes)[len(people.train) :] == pool[0]
    for number in times:
        chosen = capped_choice(sure, is_candidate, np.bincount(labels, minlength=num_classes), number)
        both = stacked(rows, stand_in.pool[chosen])
        model = stand_in.fitted(both, np.concatenate([labels, pool[0][chosen]]), num_classes)
        pool.append(model(stand_in.pool).argmax(axis=1))
        right.append(model(asked).argmax(axis=1) == truth)
    return _Half(
        pool=pool, right=right, asked=np.concatenate([other, len(people.train) + np.arange(len(people.held_out))])
    )


def _summary(
    name: str, times: int, halvings: list[list[_Half]], place: int, num_classes: int, level: float
) -> SelfTraining:
    kappas = np.array(
        [
            [_kappa(first.pool[side], second.pool[side], num_classes) for side in (0, place)]
            for first, second in halvings
        ]
    )
    reached = np.array([[accuracy_by_agreement(kappa, num_classes) for kappa in pair] for pair in kappas])
    gains = reached[:, 1] - reached[:, 0]
    error = float(gains.std(ddof=1)) / math.sqrt(len(gains))
    halves = [half for pair in halvings for half in pair]
    asked = np.concatenate([half.asked for half in halves])
    with_them, without = (np.concatenate([half.right[side] for half in halves]) for side in (place, 0))
    return SelfTraining(
        stand_in=name,
        times=times,
        agreement_without=float(kappas[:, 0].mean()),
        agreement_with=float(kappas[:, 1].mean()),
        gain=float(gains.mean()),
        gain_low=float(gains.mean()) - float(t.ppf(1.0 - level, len(gains) - 1)) * error,
        people=paired_shares(with_them, without, asked),
        p_better=paired_shares(without, with_them, asked).p_value,
    )


def _kappa(first: np.ndarray, second: np.ndarray, num_classes: int) -> float:
    """Cohen's kappa of two answers to N rows; 0 where both always say the same class: that is no agreement."""
    shares = [np.bincount(answers, minlength=num_classes) / len(answers) for answers in (first, second)]
    by_chance = float(shares[0] @ shares[1])
    return (float((first == second).mean()) - by_chance) / (1.0 - by_chance) if by_chance < 1.0 else 0.0
