"""Planted pairs of challenger and champion, each with a healthy twin that differs by the planted harm alone.

What the gate must say of each was written down before the gate was. A third was kept out while its rules were chosen
(`held_out`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Planted:
    """What two models answered on the same N rows.

    `labels`, `challenger` and `champion` hold class indices, or numbers where `metric` is one of numbers; `scores` are
    the two models' scores for class 1, where `metric` is about an order. `slices` are masks of rows by name.
    """

    labels: np.ndarray
    challenger: np.ndarray
    champion: np.ndarray
    metric: str = "accuracy"
    scores: tuple[np.ndarray, np.ndarray] | None = None
    slices: dict[str, np.ndarray] = field(default_factory=dict)
    groups: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A planted pair and its healthy twin: `make(True)` and `make(False)`; `refused_for` is part of what blocks."""

    name: str
    make: Callable[[bool], Planted]
    refused_for: str
    held_out: bool = False


def answers(labels: np.ndarray, right: np.ndarray, num_classes: int = 2) -> np.ndarray:
    """Class indices that are right where `right` says so, and the next class elsewhere."""
    return np.where(right, labels, (labels + 1) % num_classes)


def differing(
    num_rows: int, *, disagree: float, worse: float, rng: np.random.Generator, accuracy: float = 0.9
) -> tuple[np.ndarray, np.ndarray]:
    """Whether challenger and champion are right, (N,) each: of exact counts, in random order.

    On a share `disagree` of the rows one of the two is right alone; the challenger is `worse` by so much accuracy.
    """
    only_champion, only_challenger = (round(num_rows * (disagree + sign * worse) / 2) for sign in (1, -1))
    both = round(num_rows * accuracy) - only_champion
    kinds = np.repeat(
        [0, 1, 2, 3], [only_champion, only_challenger, both, num_rows - only_champion - only_challenger - both]
    )
    kinds = rng.permutation(kinds)
    return np.isin(kinds, (1, 2)), np.isin(kinds, (0, 2))


def _pair(challenger: np.ndarray, champion: np.ndarray, **more: object) -> Planted:
    labels = np.arange(len(challenger)) % 2
    return Planted(
        labels=labels,
        challenger=answers(labels, challenger),
        champion=answers(labels, champion),
        **more,  # type: ignore[arg-type]
    )


def _overall(harmed: bool) -> Planted:
    return _pair(*differing(10_000, disagree=0.06, worse=0.02 if harmed else 0.0, rng=np.random.default_rng(1)))


def _within_margin(harmed: bool) -> Planted:
    """Beyond chance in both; only the harmed one is beyond the margin of a point."""
    return _pair(*differing(100_000, disagree=0.06, worse=0.016 if harmed else 0.006, rng=np.random.default_rng(2)))


def _few_rows(harmed: bool) -> Planted:
    """On 40 rows, 5 points are chance, 40 are not."""
    rng = np.random.default_rng(3)
    return _pair(*differing(40, disagree=0.5 if harmed else 0.25, worse=0.4 if harmed else 0.05, rng=rng))


def _one_slice(harmed: bool) -> Planted:
    rng = np.random.default_rng(4)
    night = differing(5_000, disagree=0.06, worse=0.02 if harmed else 0.0, rng=rng)
    day = differing(5_000, disagree=0.06, worse=0.0, rng=rng)
    is_night = np.arange(10_000) < 5_000
    challenger, champion = (np.concatenate(sides) for sides in zip(night, day, strict=True))
    return _pair(challenger, champion, slices={"light = night": is_night, "light = day": ~is_night})


def _better_overall_worse_on_a_slice(harmed: bool) -> Planted:
    rng = np.random.default_rng(5)
    minority = differing(1_000, disagree=0.1, worse=0.06 if harmed else -0.02, rng=rng)
    rest = differing(9_000, disagree=0.06, worse=-0.02, rng=rng)
    is_minority = np.arange(10_000) < 1_000
    challenger, champion = (np.concatenate(sides) for sides in zip(minority, rest, strict=True))
    return _pair(challenger, champion, slices={"region = north": is_minority, "region = south": ~is_minority})


def _slice_size(harmed: bool) -> Planted:
    """The same 20 points lost: on 60 rows they are too few to judge, on 2,000 they are not."""
    rng = np.random.default_rng(6)
    size = 2_000 if harmed else 60
    part = differing(size, disagree=0.3, worse=0.2, rng=rng)
    rest = differing(8_000, disagree=0.06, worse=-0.01, rng=rng)
    challenger, champion = (np.concatenate(sides) for sides in zip(part, rest, strict=True))
    return _pair(challenger, champion, slices={"camera = new": np.arange(8_000 + size) < size})


def _many_slices(harmed: bool) -> Planted:
    """Forty slices of 250 rows: chance alone makes some worse by points, only one is really worse."""
    rng = np.random.default_rng(7)
    right = [rng.random((250, 2)) < 0.9 for _ in range(40)]
    if harmed:
        right[17][:, 0] &= rng.random(250) < 0.8
    both = np.concatenate(right)
    shop = np.repeat(np.arange(40), 250)
    slices = {f"shop = {number}": shop == number for number in range(40)}
    return _pair(both[:, 0], both[:, 1], slices=slices)


def _groups(harmed: bool) -> Planted:
    """100 shops of 100 rows, of which the challenger loses as many rows in two shops as it loses all over."""
    rng = np.random.default_rng(8)
    challenger, champion = differing(10_000, disagree=0.02, worse=0.0, rng=rng)
    shop = np.repeat(np.arange(100), 100)
    lost = np.flatnonzero(challenger & champion)
    lost = rng.choice(lost, 150, replace=False) if harmed else lost[np.isin(shop[lost], (3, 90))][:150]
    challenger = challenger.copy()
    challenger[lost] = False
    return _pair(challenger, champion, groups=shop)


def _rare_class(harmed: bool) -> Planted:
    """Macro F1: the rare class is lost, which accuracy does not see."""
    rng = np.random.default_rng(9)
    labels = np.where(np.arange(6_000) % 50 == 0, 2, np.arange(6_000) % 2)
    found = rng.random((2, 6_000)) < 0.9
    if harmed:
        found[0] &= (labels != 2) | (rng.random(6_000) < 0.5)
    return Planted(
        labels=labels,
        challenger=answers(labels, found[0], 3),
        champion=answers(labels, found[1], 3),
        metric="macro_f1",
    )


def _order(harmed: bool) -> Planted:
    """ROC AUC: the order of scores is lost, and the answers at 0.5 are not."""
    rng = np.random.default_rng(10)
    labels = np.arange(4_000) % 2
    logits = rng.normal(0.0, 1.0, 4_000) + 2.0 * (labels - 0.5)
    champion, challenger = logits + rng.normal(0.0, 0.3, (2, 4_000))
    if harmed:
        challenger = np.sign(challenger) * np.abs(rng.normal(0.0, 1.0, 4_000))
    scores = tuple(1.0 / (1.0 + np.exp(-side)) for side in (challenger, champion))
    sides = [(score > 0.5).astype(int) for score in scores]
    return Planted(
        labels=labels, challenger=sides[0], champion=sides[1], metric="roc_auc", scores=(scores[0], scores[1])
    )


def _numbers(harmed: bool) -> Planted:
    """RMSE a tenth larger, or the same."""
    rng = np.random.default_rng(11)
    labels = rng.gamma(2.0, 50.0, 3_000)
    shared, own = rng.normal(0.0, 8.0, 3_000), rng.normal(0.0, 6.0, (2, 3_000))
    scale = 1.5 if harmed else 1.0
    return Planted(
        labels=labels, challenger=labels + shared + scale * own[0], champion=labels + shared + own[1], metric="rmse"
    )


CASES = (
    Case(name="two points worse overall", make=_overall, refused_for="accuracy"),
    Case(name="worse beyond the margin", make=_within_margin, refused_for="margin"),
    Case(name="much worse on few rows", make=_few_rows, refused_for="accuracy"),
    Case(name="worse on one slice", make=_one_slice, refused_for="light = night"),
    Case(name="worse on a slice that is large enough", make=_slice_size, refused_for="camera = new"),
    Case(name="worse in all groups, not in two", make=_groups, refused_for="accuracy"),
    Case(name="numbers", make=_numbers, refused_for="rmse"),
    Case(
        name="better overall, worse on a slice",
        make=_better_overall_worse_on_a_slice,
        refused_for="region = north",
        held_out=True,
    ),
    Case(name="one of forty slices", make=_many_slices, refused_for="shop = 17", held_out=True),
    Case(name="a rare class is lost", make=_rare_class, refused_for="macro_f1", held_out=True),
    Case(name="the order is lost", make=_order, refused_for="roc_auc", held_out=True),
)
