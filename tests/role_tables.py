"""Twelve tables with what their columns are: every step that asks must give these answers."""

from collections.abc import Mapping, Sequence
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NUM_ROWS = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleTable:
    """A table, its problem file, and the roles that its columns have."""

    name: str
    columns: Mapping[str, Sequence[Any]]
    problem: str = ""
    roles: Mapping[str, str]

    @property
    def label(self) -> str | None:
        """The label's column."""
        return next((name for name, roles in self.roles.items() if "label" in roles.split()), None)

    def columns_of(self, role: str) -> list[str]:
        """The columns that have a role."""
        return [name for name, roles in self.roles.items() if role in roles.split()]

    def write(self, folder: Path) -> Path:
        """The table as a file of comma-separated values."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.csv"
        with open(path, "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(self.columns)
            writer.writerows(zip(*self.columns.values(), strict=True))
        return path


def _numbers(seed: int) -> list[float]:
    return np.random.default_rng(seed).normal(20.0, 5.0, NUM_ROWS).round(3).tolist()


def _words(seed: int, *words: str) -> list[str]:
    return np.random.default_rng(seed).choice(words, NUM_ROWS).tolist()


def _distinct(seed: int) -> list[int]:
    return np.random.default_rng(seed).permutation(10**6)[:NUM_ROWS].tolist()


def _seconds(seed: int) -> list[int]:
    return (1_400_000_000 + np.random.default_rng(seed).integers(0, 10**7, NUM_ROWS)).tolist()


def _comments(seed: int) -> list[str]:
    words = np.random.default_rng(seed).choice(["good", "bad", "slow", "bright"], (NUM_ROWS, 4))
    return [f"film {number} was {' '.join(row)}" for number, row in enumerate(words)]


LABELS = ["no", "yes"] * (NUM_ROWS // 2)
DAYS = [f"2024-05-{number % 28 + 1:02d}" for number in range(NUM_ROWS)]

TABLES = (
    RoleTable(
        name="trips",
        columns={
            "label": LABELS,
            "target": _words(0, "a", "b"),
            "trip_id": _distinct(1),
            "pickup_time": _seconds(2),
            "fare": _numbers(3),
        },
        roles={"label": "label", "target": "feature", "trip_id": "id", "pickup_time": "time", "fare": "feature"},
    ),
    RoleTable(
        name="ignored_label",
        columns={"label": LABELS, "target": _words(0, "a", "b"), "fare": _numbers(3)},
        problem="ignore: [label]",
        roles={"label": "ignored", "target": "label", "fare": "feature"},
    ),
    RoleTable(
        name="slices_are_features",
        columns={"shop": _words(1, "n", "s"), "sex": _words(2, "f", "m"), "age": _numbers(3), "class": LABELS},
        problem="slices: [shop]\nsensitive: [sex]",
        roles={"shop": "slice feature", "sex": "sensitive", "age": "feature", "class": "label"},
    ),
    RoleTable(
        name="named_features",
        columns={"shop": _words(1, "n", "s"), "sex": _words(2, "f", "m"), "age": _numbers(3), "label": LABELS},
        problem="slices: [shop]\nsensitive: [sex]\nfeatures: [age, sex]",
        roles={"shop": "slice", "sex": "sensitive feature", "age": "feature", "label": "label"},
    ),
    RoleTable(
        name="computed_label",
        columns={"tips": _numbers(1), "fare": _numbers(2), "km": _numbers(3)},
        problem="label: {expression: tips > 0.9 * fare}",
        roles={"tips": "ignored", "fare": "ignored", "km": "feature"},
    ),
    RoleTable(
        name="counter_and_day",
        columns={"row": list(range(NUM_ROWS)), "day": DAYS, "size": _numbers(1), "Label": LABELS},
        roles={"row": "id", "day": "time", "size": "feature", "Label": "label"},
    ),
    RoleTable(
        name="declared_identifier_and_time",
        columns={"key": _distinct(1), "when": _numbers(2), "size": _numbers(3), "label": LABELS},
        problem="id: key\ntime: when",
        roles={"key": "id", "when": "time", "size": "feature", "label": "label"},
    ),
    RoleTable(
        name="an_identifier_that_is_a_feature",
        columns={"trip_id": _distinct(1), "size": _numbers(3), "label": LABELS},
        problem="features: [trip_id, size]",
        roles={"trip_id": "feature", "size": "feature", "label": "label"},
    ),
    RoleTable(
        name="group_and_pii",
        columns={
            "patient": _words(1, *"abcdefgh"),
            "phone": [f"phone {number}" for number in range(NUM_ROWS)],
            "size": _numbers(3),
            "label": LABELS,
        },
        problem="group: patient\npii: [phone]",
        roles={"patient": "group", "phone": "pii", "size": "feature", "label": "label"},
    ),
    RoleTable(
        name="free_text_beside_numbers",
        columns={"note": _comments(1), "size": _numbers(3), "label": LABELS},
        roles={"note": "text", "size": "feature", "label": "label"},
    ),
    RoleTable(
        name="comments",
        columns={"id": list(range(NUM_ROWS)), "document": _comments(1), "label": LABELS, "stars": _words(2, "1", "2")},
        problem="modality: text",
        roles={"id": "id", "document": "text", "label": "label", "stars": "metadata"},
    ),
    RoleTable(
        name="another_models_answer",
        columns={"predicted": _words(1, "no", "yes"), "size": _numbers(3), "label": LABELS},
        roles={"predicted": "prediction", "size": "feature", "label": "label"},
    ),
)
