"""Texts and rows with planted causes of errors, and their healthy twins: an example table, a model, its answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.modeling.backbone_config import BackboneConfig
from components.modeling.features import Features
from components.modeling.tabular.features import fit_tabular_features
from components.modeling.text.char_ngrams import TextFeatures
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from tests.components.model_analysis.error_causes.planted import chosen
from tests.components.model_analysis.error_causes.planted_sets import head_fitted, PlantedSet, scored
from tests.components.model_analysis.error_causes.planted_values import (
    alien_text,
    BROKEN_ROWS,
    BROKEN_TEXTS,
    HELD_OUT_VALUES,
)
from tests.components.model_analysis.small_models import comment

Row = dict[str, Any]
SPLITS = (("train", 0.4), ("validation", 0.2), ("test", 0.4))


@dataclass(frozen=True, kw_only=True)
class Pool:
    """N examples before anything is planted: rows, `{"text": ...}` for texts, and classes, shape (N,), int."""

    rows: Sequence[Row]
    classes: np.ndarray
    class_names: tuple[str, str]

    @property
    def modality(self) -> str:
        return "text" if list(self.rows[0]) == ["text"] else "tabular"


def comments(num: int, seed: int) -> Pool:
    """Korean comments, good or bad; one in twelve says both."""
    rng, names = np.random.default_rng(seed), ("bad", "good")
    classes = rng.integers(0, 2, num)
    rows = [{"text": comment(names[kind], int(rng.integers(1 << 30)))} for kind in classes]
    for row in np.flatnonzero(rng.random(num) < 1 / 12):
        rows[row]["text"] += " " + comment(names[1 - classes[row]], int(rng.integers(1 << 30)))
    return Pool(rows=rows, classes=classes, class_names=names)


def rides(num: int, seed: int) -> Pool:
    """Rides that were tipped or not: miles, minutes and fare go together, way of paying tells, the hour does not."""
    rng = np.random.default_rng(seed)
    miles = rng.lognormal(1.0, 0.6, num)
    minutes, fare = miles * rng.uniform(2.5, 5, num) + 3, miles * rng.uniform(2.2, 2.8, num) + 3
    card = rng.random(num) < 0.5
    classes = (3 * (card - 0.5) + 1.2 * (np.log(miles) - 1) + rng.normal(0, 0.5, num) > 0).astype(int)
    rows = [
        {
            "miles": float(miles[row]), "minutes": float(minutes[row]), "fare": float(fare[row]),
            "hour": int(rng.integers(24)), "paid": "Card" if card[row] else "Cash",
        }
        for row in range(num)
    ]  # fmt: skip
    return Pool(rows=rows, classes=classes, class_names=("untipped", "tipped"))


VALUE_SUBJECTS: Mapping[str, Callable[[int, int], Pool]] = {"comments": comments, "rides": rides}


def planted_values(
    folder: Path, pool: Pool, seed: int, *, held_out: bool = False, is_healthy: bool = False, share: float = 0.08
) -> PlantedSet:
    """A pool with plants in its test split, or its healthy twin, and a model's answers."""
    rng = np.random.default_rng([seed, held_out])
    order, ends = rng.permutation(len(pool.rows)), np.cumsum([part for _, part in SPLITS])
    parts = np.split(order, (ends[:-1] * len(order)).astype(int))
    rows = {split: [dict(pool.rows[row]) for row in part] for (split, _), part in zip(SPLITS, parts, strict=True)}
    classes = {split: pool.classes[part] for (split, _), part in zip(SPLITS, parts, strict=True)}
    plants = _planted(rows["test"], classes["test"], rng, 0.0 if is_healthy else share, held_out=held_out)
    examples = _written(folder / "examples", pool, rows, classes)
    train = ExampleTable(examples).read([*pool.rows[0]], splits=["train"])
    columns = {name: train.column(name).combine_chunks() for name in pool.rows[0]}
    features: Features = TextFeatures(num_buckets=4096)
    if pool.modality == "tabular":
        features = fit_tabular_features([columns], {name: column.type for name, column in columns.items()})
    backbone = BackboneConfig(name="char_ngrams" if pool.modality == "text" else "mlp")
    model = head_fitted(folder / "model", backbone, features, columns, classes["train"], pool.class_names)
    ids = [f"test-{number}" for number in range(len(plants))]
    predictions = scored(examples, model, folder / "predictions")
    by_id = dict(zip(ids, plants.tolist(), strict=True))
    return PlantedSet(examples=examples, model=model, predictions=predictions, plants=by_id)


def _planted(
    rows: list[Row], classes: np.ndarray, rng: np.random.Generator, share: float, *, held_out: bool
) -> np.ndarray:
    """Harm rows and classes in place; which plant each got, shape (N,), object."""
    is_text = list(rows[0]) == ["text"]
    kinds = [kind for kind in (BROKEN_TEXTS if is_text else BROKEN_ROWS) if (kind in HELD_OUT_VALUES) == held_out]
    shares = {"wrong_label": share, "alien": share, **{f"broken:{kind}": 2 * share / len(kinds) for kind in kinds}}
    plants = chosen(rng, len(rows), shares)
    for place, plant in enumerate(plants):
        kind = plant.partition(":")[2]
        if plant == "wrong_label":
            classes[place] = 1 - classes[place]
        elif plant == "alien":
            rows[place] = {"text": alien_text(rng)} if is_text else _alien_row(rows[place], rng)
        elif is_text and kind:
            rows[place] = {"text": BROKEN_TEXTS[kind](rows[place]["text"], rng)}
        elif kind:
            rows[place] = BROKEN_ROWS[kind](rows[place], rng)
    return plants


def _alien_row(row: Row, rng: np.random.Generator) -> Row:
    """A row of another business: all numbers are of another size, categories unknown."""
    factor = float(rng.choice([40.0, 150.0]))
    numbers = {
        name: type(value)(value * factor * rng.uniform(0.5, 2) + 60)
        for name, value in row.items()
        if isinstance(value, int | float)
    }
    return {name: numbers.get(name, "by invoice" if isinstance(value, str) else value) for name, value in row.items()}


def _written(path: Path, pool: Pool, rows: Mapping[str, Sequence[Row]], classes: Mapping[str, np.ndarray]) -> Path:
    names = [*pool.rows[0]]
    roles = dict.fromkeys(names, "feature") if pool.modality == "tabular" else {}
    info = ExampleTableInfo(modality=pool.modality, class_names=pool.class_names, column_roles=roles)
    whole = pa.Table.from_pylist([*pool.rows])
    extra = {name: whole.schema.field(name).type for name in names if name != "text"}
    with ExampleTableWriter(path, info, extra_columns=extra) as writer:
        for split, part in rows.items():
            columns = {
                "example_id": pa.array([f"{split}-{number}" for number in range(len(part))]),
                "split": pa.array([split] * len(part)),
                "label": pa.array([pool.class_names[number] for number in classes[split]]),
                **{name: pa.array([row[name] for row in part], whole.schema.field(name).type) for name in names},
            }
            writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return path
