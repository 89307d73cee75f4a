"""Planted data whose labels lean against some people, each with a healthy twin.

Written before the code that finds them. `held_out` cases were kept out while its rules were chosen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PlantedLabels:
    """Labels of N examples with sensitive columns, or with texts."""

    labels: pa.Array
    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    texts: pa.Array | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelCase:
    """`make(harmed, rng)`; `named` is what the warning's words hold."""

    name: str
    make: Callable[[bool, np.random.Generator], PlantedLabels]
    named: tuple[str, ...]
    held_out: bool = False


def of_groups(harmed: bool, rng: np.random.Generator) -> PlantedLabels:
    """One group was hired less often."""
    group = rng.choice(["a", "b"], 3000)
    hired = rng.random(3000) < np.where((group == "b") & harmed, 0.3, 0.5)
    return PlantedLabels(labels=pa.array(np.where(hired, "yes", "no")), columns={"origin": pa.array(group)})


def of_crossings(harmed: bool, rng: np.random.Generator) -> PlantedLabels:
    """Two columns are even, and their crossing is not."""
    sex, race = rng.choice(["f", "m"], 4000), rng.choice(["a", "b"], 4000)
    gap = np.where((sex == "f") == (race == "a"), -0.15, 0.15) * harmed
    labels = np.where(rng.random(4000) < 0.5 + gap, "yes", "no")
    return PlantedLabels(labels=pa.array(labels), columns={"sex": pa.array(sex), "race": pa.array(race)})


def of_numbers(harmed: bool, rng: np.random.Generator) -> PlantedLabels:
    """Labels that are numbers: one group was paid less."""
    group = rng.choice(["x", "y"], 2000)
    return PlantedLabels(
        labels=pa.array(rng.normal(np.where((group == "y") & harmed, 80.0, 100.0), 20.0)),
        columns={"branch": pa.array(group)},
    )


def _texts(term: str, carrier: str, harmed: bool, rng: np.random.Generator) -> PlantedLabels:
    mentioned = rng.random(3000) < 0.1
    rude = rng.random(3000) < np.where(mentioned & harmed, 0.8, 0.4)
    texts = [carrier.format(term) if named else f"{number}" for number, named in enumerate(mentioned.tolist())]
    return PlantedLabels(labels=pa.array(np.where(rude, "rude", "fine")), texts=pa.array(texts))


def korean_term(harmed: bool, rng: np.random.Generator) -> PlantedLabels:
    """Comments that mention a religion were called rude."""
    return _texts("무슬림", "어제 {}이 쓴 글을 읽었다", harmed, rng)


def korean_plural(harmed: bool, rng: np.random.Generator) -> PlantedLabels:
    """The same with a plural and a particle."""
    return _texts("여성", "요즘 {}들은 어디서 쉬나", harmed, rng)


def english_plural(harmed: bool, rng: np.random.Generator) -> PlantedLabels:
    """The same in English, in the plural and at the end."""
    return _texts("Immigrants", "I wrote about {}.", harmed, rng)


LABEL_CASES = (
    LabelCase(name="groups", make=of_groups, named=("origin = a", "origin = b")),
    LabelCase(name="crossings", make=of_crossings, named=("sex", "race"), held_out=True),
    LabelCase(name="numbers", make=of_numbers, named=("branch = x", "branch = y")),
    LabelCase(name="Korean term", make=korean_term, named=("무슬림",)),
    LabelCase(name="Korean plural", make=korean_plural, named=("여성",), held_out=True),
    LabelCase(name="English plural", make=english_plural, named=("immigrant",)),
)
# Words that hold a term and are about something else: none of them is a mention.
NO_MENTIONS = ("게이머가 이겼다", "게이트를 닫았다", "여자친구", "humans and mankind", "Germany", "부산 출신가수")
