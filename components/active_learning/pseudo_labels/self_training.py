"""What labels by a model do to a stand-in: fitted with and without them to halves of people's labels.

Two models that never saw one another's labels agree by chance, or because both are right. If labels by a model help,
the two agree more with them than without, all over the pool, which tells much even where people gave 20 labels; and
people's labels that neither saw must not say the contrary. Shapes: L labels for training, M held out, N pool rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
import math
from typing import Literal

import numpy as np
from scipy.stats import t

from components.active_learning.pseudo_labels.calibration import sure_enough
from components.active_learning.pseudo_labels.class_cap import capped_choice
from components.active_learning.pseudo_labels.stand_ins import stacked, StandIn
from components.drift.paired_shares import paired_shares, PairedDifference
from components.modeling.label_evidence.label_spreading import LabelGraph, most_reached

NUM_REPEATS = 6
_FLIPS = 4000
# Below, two raters agree slightly (Landis and Koch, Biometrics 33, 1977): a gain upon nothing is no sign of clusters.
MIN_AGREEMENT = 0.2
Teacher = Literal["itself", "neighbours"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Who labels the pool in a trial, the stand-in itself or the nearest examples; how many for each of people's."""

    teacher: Teacher
    times: int


RECIPES = (
    Recipe(teacher="itself", times=10),
    Recipe(teacher="itself", times=1),
    Recipe(teacher="neighbours", times=10),
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PeopleLabels:
    """What people said of rows for training, shape (L,), and of held-out rows, shape (M,): class indices below K."""

    train: np.ndarray
    held_out: np.ndarray
    num_classes: int

    def counts(self) -> np.ndarray:
        """Training labels of each class, shape (K,)."""
        return np.bincount(self.train, minlength=self.num_classes)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SelfTraining:
    """What labels by a stand-in do to it.

    Attributes
    ----------
    stand_in, recipe
        Its name, and who labelled how many rows of the pool.
    agreement_without, agreement_with
        Cohen's kappa of the answers to the pool of two stand-ins, each fitted to one half of people's labels.
    gain, gain_low
        By how much the accuracy rises if the two err independently, and the lower end of that over the halvings.
    people
        Accuracy on people's labels that neither saw, with labels by a model (challenger) and without; a label is
        asked about once a halving, and counts as one.
    label_gains
        Shape (L + M,), int: how many times more a label was right with them than without, over all halvings.
    p_better
        The chance of a difference at least this good where they change nothing; one-sided, 0 to 1.
    """

    stand_in: str
    recipe: Recipe
    agreement_without: float
    agreement_with: float
    gain: float
    gain_low: float
    people: PairedDifference
    label_gains: np.ndarray
    p_better: float = 1.0

    def is_shown(self, level: float) -> bool:
        """Whether they help by more than chance: the pool's agreement and people's labels both say so."""
        agrees = self.gain_low > 0.0 and self.agreement_with >= MIN_AGREEMENT
        return agrees and self.people.difference > 0.0 and self.p_better < level


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
    recipes: Sequence[Recipe] = RECIPES,
    second_view: LabelGraph,
    level: float = 0.05,
    seed: int = 0,
) -> list[SelfTraining]:
    """What a stand-in gains by labels of the pool, by each recipe.

    Parameters
    ----------
    second_view
        Of the training rows, then the pool's.
    level
        One-sided, of `gain_low`.
    """
    rng = np.random.default_rng(seed)
    halvings = [
        [_half(stand_in, people, mine, other, recipes, second_view) for mine, other in (halves, halves[::-1])]
        for halves in _halvings(people.train, rng)
    ]
    return [
        _summary(stand_in.name, recipe, halvings, place, people.num_classes, level)
        for place, recipe in enumerate(recipes, start=1)
    ]


def with_common_p_values(trials: Sequence[SelfTraining], *, seed: int = 0) -> tuple[SelfTraining, ...]:
    """The same with `p_better`, corrected for the choice among all trials.

    The signs of each label's gains are flipped in all trials at once, and each trial is held against the largest gain
    that chance gives in any: trials that resemble one another cost less than independent ones would.

    References
    ----------
    Westfall and Young, "Resampling-based multiple testing", 1993, single-step maxT.
    """
    if not trials:
        return ()
    gains = np.stack([trial.label_gains for trial in trials], axis=1)
    scale = np.sqrt((gains**2).sum(axis=0))
    scale[scale == 0.0] = 1.0
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(_FLIPS, len(gains)))
    largest = (signs @ gains / scale).max(axis=1)
    observed = gains.sum(axis=0) / scale
    reached = (largest[:, None] >= observed - 1e-9).sum(axis=0)
    p_values = (reached + 1) / (_FLIPS + 1)
    return tuple(replace(trial, p_better=float(p)) for trial, p in zip(trials, p_values, strict=True))


def own_classes(stand_in: StandIn, people: PeopleLabels, recipe: Recipe, second_view: LabelGraph) -> np.ndarray:
    """What a stand-in that learnt all training labels and those by the recipe answers to the pool, shape (N,)."""
    everyone = np.arange(len(people.train))
    found: np.ndarray = _half(stand_in, people, everyone, everyone[:0], (recipe,), second_view).pool[1]
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
    recipes: Sequence[Recipe],
    second_view: LabelGraph,
) -> _Half:
    rows, labels, num_classes = stand_in.train[mine], people.train[mine], people.num_classes
    asked = stacked(stand_in.train[other], stand_in.held_out)
    truth = np.concatenate([people.train[other], people.held_out])
    first = stand_in.fitted(rows, labels, num_classes)
    answers = first(stand_in.pool)
    reached = second_view.shares(mine, labels, num_classes)[len(people.train) :]
    teachers: dict[Teacher, np.ndarray] = {"itself": answers, "neighbours": reached}
    pool, right = [answers.argmax(axis=1)], [first(asked).argmax(axis=1) == truth]
    for recipe in recipes:
        taught = teachers[recipe.teacher]
        classes = taught.argmax(axis=1)
        is_candidate = (taught.max(axis=1) >= sure_enough(taught)[classes]) & (most_reached(reached) == classes)
        chosen = capped_choice(taught, is_candidate, np.bincount(labels, minlength=num_classes), recipe.times)
        both = stacked(rows, stand_in.pool[chosen])
        model = stand_in.fitted(both, np.concatenate([labels, classes[chosen]]), num_classes)
        pool.append(model(stand_in.pool).argmax(axis=1))
        right.append(model(asked).argmax(axis=1) == truth)
    return _Half(
        pool=pool, right=right, asked=np.concatenate([other, len(people.train) + np.arange(len(people.held_out))])
    )


def _summary(
    name: str, recipe: Recipe, halvings: list[list[_Half]], place: int, num_classes: int, level: float
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
        recipe=recipe,
        agreement_without=float(kappas[:, 0].mean()),
        agreement_with=float(kappas[:, 1].mean()),
        gain=float(gains.mean()),
        gain_low=float(gains.mean()) - float(t.ppf(1.0 - level, len(gains) - 1)) * error,
        people=paired_shares(with_them, without, asked),
        label_gains=np.bincount(asked, weights=with_them.astype(float) - without),
    )


def _kappa(first: np.ndarray, second: np.ndarray, num_classes: int) -> float:
    """Cohen's kappa of two answers to N rows; 0 where both always say the same class: that is no agreement."""
    shares = [np.bincount(answers, minlength=num_classes) / len(answers) for answers in (first, second)]
    by_chance = float(shares[0] @ shares[1])
    return (float((first == second).mean()) - by_chance) / (1.0 - by_chance) if by_chance < 1.0 else 0.0
