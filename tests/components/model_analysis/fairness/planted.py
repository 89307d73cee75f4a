"""Planted unfair models, each with a healthy twin that differs by the planted harm alone.

What must be said of each was written down before the code that says it. A third was kept out while its rules were
chosen (`held_out`), and drawn from other seeds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

HELD_OUT_SEEDS = 1000


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Planted:
    """What a model answered on N examples: class indices, or numbers where there are no class names.

    `columns` are the sensitive ones, N values each; `clusters` say which examples belong together.
    """

    labels: np.ndarray
    predicted: np.ndarray
    columns: Mapping[str, pa.Array]
    class_names: tuple[str, ...] = ("no", "yes")
    clusters: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """`make(harmed, rng)` draws the planted model or its twin.

    `asked` is the problem file's section, `named` what the refusal's words hold; where `too_small`, neither the model
    nor its twin is refused, and `named` is called too small to judge.
    """

    name: str
    make: Callable[[bool, np.random.Generator], Planted]
    asked: Mapping[str, Any]
    named: tuple[str, ...]
    too_small: bool = False
    held_out: bool = False

    def seed(self, number: int = 0) -> int:
        """A seed of the range that the case is drawn from."""
        return number + (HELD_OUT_SEEDS if self.held_out else 0)


def choice(rng: np.random.Generator, names: str, num_rows: int) -> np.ndarray:
    """Names drawn with equal chances, shape (N,)."""
    return rng.choice(names.split(), num_rows)


def answered(
    labels: np.ndarray, true_positive: np.ndarray | float, false_positive: np.ndarray | float, rng: np.random.Generator
) -> np.ndarray:
    """Answers 0 and 1 with the given rates, shape (N,)."""
    chance = np.where(labels == 1, true_positive, false_positive)
    return (rng.random(len(labels)) < chance).astype(int)


def two_groups(harmed: bool, rng: np.random.Generator) -> Planted:
    """Women who qualify are found less often."""
    sex, labels = choice(rng, "f m", 4000), rng.integers(0, 2, 4000)
    found = np.where(sex == "f", 0.65 if harmed else 0.85, 0.85)
    return Planted(labels=labels, predicted=answered(labels, found, 0.2, rng), columns={"sex": pa.array(sex)})


def crossing(harmed: bool, rng: np.random.Generator) -> Planted:
    """Each column alone is even, and the crossing is not."""
    sex, race, labels = choice(rng, "f m", 6000), choice(rng, "a b", 6000), rng.integers(0, 2, 6000)
    gap = 0.15 if harmed else 0.0
    found = np.where((sex == "f") == (race == "a"), 0.75 - gap, 0.75 + gap)
    columns = {"sex": pa.array(sex), "race": pa.array(race)}
    return Planted(labels=labels, predicted=answered(labels, found, 0.2, rng), columns=columns)


def oldest_quarter(harmed: bool, rng: np.random.Generator) -> Planted:
    """A number is cut into quarters: the oldest are accused more often."""
    age, labels = rng.uniform(18, 90, 6000), rng.integers(0, 2, 6000)
    accused = np.where(age > np.quantile(age, 0.75), 0.35 if harmed else 0.1, 0.1)
    return Planted(labels=labels, predicted=answered(labels, 0.8, accused, rng), columns={"age": pa.array(age)})


def missing_value(harmed: bool, rng: np.random.Generator) -> Planted:
    """Who has no region is chosen less often: a group of its own."""
    region, labels = choice(rng, "north south none", 5000), rng.integers(0, 2, 5000)
    chosen = np.where(region == "none", 0.3 if harmed else 0.5, 0.5)
    values = pa.array([None if name == "none" else name for name in region.tolist()])
    return Planted(labels=labels, predicted=answered(labels, chosen, chosen, rng), columns={"region": values})


def tiny_group(harmed: bool, rng: np.random.Generator) -> Planted:
    """30 people of whom hardly one is found: too few to say, whatever the rate."""
    labels = rng.integers(0, 2, 3030)
    is_tiny = np.arange(3030) < 30
    found = np.where(is_tiny, 0.1 if harmed else 0.8, 0.8)
    group = pa.array(np.where(is_tiny, "tiny", choice(rng, "a b", 3030)))
    return Planted(labels=labels, predicted=answered(labels, found, 0.2, rng), columns={"tribe": group})


def few_positives(harmed: bool, rng: np.random.Generator) -> Planted:
    """A group of 1,000 of whom 20 are positive: too few for a rate of these."""
    group = np.where(np.arange(4000) < 1000, "rare", "common")
    labels = np.where(group == "rare", np.arange(4000) < 20, rng.random(4000) < 0.5).astype(int)
    found = np.where(group == "rare", 0.2 if harmed else 0.8, 0.8)
    return Planted(labels=labels, predicted=answered(labels, found, 0.2, rng), columns={"kind": pa.array(group)})


def base_rates(harmed: bool, rng: np.random.Generator) -> Planted:
    """Base rates differ. The twin finds all groups' positives alike, and so selects them unlike: fair as asked."""
    group = choice(rng, "a b", 6000)
    labels = (rng.random(6000) < np.where(group == "a", 0.6, 0.3)).astype(int)
    found = np.where(group == "b", 0.6 if harmed else 0.8, 0.8)
    return Planted(labels=labels, predicted=answered(labels, found, 0.1, rng), columns={"group": pa.array(group)})


def four_fifths(harmed: bool, rng: np.random.Generator) -> Planted:
    """Few are chosen at all: the difference is small, the ratio is not."""
    group, labels = choice(rng, "a b", 12000), rng.integers(0, 2, 12000)
    chosen = np.where(group == "b", 0.05 if harmed else 0.1, 0.1)
    return Planted(labels=labels, predicted=answered(labels, chosen, chosen, rng), columns={"group": pa.array(group)})


def shifted_numbers(harmed: bool, rng: np.random.Generator) -> Planted:
    """One shop's numbers are guessed too low; the twin's are guessed as far off, both ways."""
    shop, labels = choice(rng, "x y z", 3000), rng.normal(100, 20, 3000)
    shift = np.where(shop == "y", 8.0 if harmed else 0.0, 0.0)
    noise = rng.normal(0, np.where(shop == "y", 10.0, 6.0))
    columns = {"shop": pa.array(shop)}
    return Planted(labels=labels, predicted=labels - shift + noise, columns=columns, class_names=())


def noisy_numbers(harmed: bool, rng: np.random.Generator) -> Planted:
    """One group's numbers are guessed worse, neither too low nor too high."""
    group, labels = choice(rng, "x y", 3000), rng.normal(100, 20, 3000)
    noise = rng.normal(0, np.where(group == "y", 14.0 if harmed else 6.0, 6.0))
    return Planted(labels=labels, predicted=labels + noise, columns={"group": pa.array(group)}, class_names=())


def clustered(harmed: bool, rng: np.random.Generator) -> Planted:
    """Rows of a patient go the same way: 40 patients a group, 50 rows each, tell as much as a few hundred rows."""
    patients = np.repeat(np.arange(80), 50)
    group = np.where(patients % 2 == 0, "a", "b")
    level = np.clip(rng.normal(0.7, 0.2, 80), 0.02, 0.98)[patients]
    found = np.where((group == "b") & harmed, level - 0.4, level)
    labels = np.ones(4000, int)
    labels[::2] = 0
    predicted = answered(labels, found, 0.2, rng)
    return Planted(labels=labels, predicted=predicted, columns={"group": pa.array(group)}, clusters=patients)


def third_class(harmed: bool, rng: np.random.Generator) -> Planted:
    """Of three classes, one is missed more often for one group."""
    group, labels = choice(rng, "a b", 6000), rng.integers(0, 3, 6000)
    right = np.where((group == "b") & (labels == 2) & harmed, 0.55, 0.8)
    other = (labels + rng.integers(1, 3, 6000)) % 3
    predicted = np.where(rng.random(6000) < right, labels, other)
    columns = {"group": pa.array(group)}
    return Planted(labels=labels, predicted=predicted, columns=columns, class_names=("bus", "car", "tram"))


def many_groups(harmed: bool, rng: np.random.Generator) -> Planted:
    """Of fifteen groups the best and the worst differ by chance alone; in the planted one, one is far off."""
    group, labels = rng.choice([f"g{number}" for number in range(15)], 6000), rng.integers(0, 2, 6000)
    found = np.where(group == "g7", 0.45 if harmed else 0.8, 0.8)
    return Planted(labels=labels, predicted=answered(labels, found, 0.2, rng), columns={"group": pa.array(group)})


def false_alarms(harmed: bool, rng: np.random.Generator) -> Planted:
    """Positives are found alike, but one group's negatives are taken for positives more often."""
    group, labels = choice(rng, "a b", 5000), rng.integers(0, 2, 5000)
    accused = np.where(group == "b", 0.4 if harmed else 0.15, 0.15)
    return Planted(labels=labels, predicted=answered(labels, 0.8, accused, rng), columns={"group": pa.array(group)})


_TPR = {"metric": "true_positive_rate", "max_difference": 0.1}
CASES = (
    Case(name="two groups", make=two_groups, asked=_TPR, named=("sex = f", "sex = m")),
    Case(name="crossing", make=crossing, asked=_TPR, named=("sex", "race"), held_out=True),
    Case(
        name="oldest quarter",
        make=oldest_quarter,
        asked={"metric": "false_positive_rate", "max_difference": 0.1},
        named=("age from",),
    ),
    Case(
        name="missing value",
        make=missing_value,
        asked={"metric": "selection_rate", "max_difference": 0.1},
        named=("region is missing",),
        held_out=True,
    ),
    Case(name="tiny group", make=tiny_group, asked=_TPR, named=("tribe = tiny",), too_small=True),
    Case(name="few positives", make=few_positives, asked=_TPR, named=("kind = rare",), too_small=True),
    Case(name="base rates", make=base_rates, asked=_TPR, named=("group = b",)),
    Case(
        name="four fifths",
        make=four_fifths,
        asked={"metric": "selection_rate", "min_ratio": 0.8},
        named=("group = b",),
    ),
    Case(
        name="shifted numbers",
        make=shifted_numbers,
        asked={"metric": "mean_error", "max_difference": 4.0},
        named=("shop = y",),
    ),
    Case(
        name="noisy numbers",
        make=noisy_numbers,
        asked={"metric": "mean_absolute_error", "min_ratio": 0.7},
        named=("group = y",),
        held_out=True,
    ),
    Case(name="clustered", make=clustered, asked=_TPR, named=("group = b",), held_out=True),
    Case(name="third class", make=third_class, asked=_TPR, named=("group = b", "tram"), held_out=True),
    Case(name="many groups", make=many_groups, asked=_TPR, named=("group = g7",)),
    Case(
        name="false alarms",
        make=false_alarms,
        asked={"metric": "equalized_odds", "max_difference": 0.1},
        named=("group = b", "false positive rate"),
    ),
)
