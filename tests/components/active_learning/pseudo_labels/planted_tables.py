"""Planted pools as the tables that steps hand to each other: examples, a pool, and a model's answers to both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter, Modality
from components.shared.contracts.predictions_table import PredictionsWriter
from tests.components.active_learning.pseudo_labels.planted_pools import PlantedPool


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantedTables:
    """Folders of the tables."""

    examples: Path
    pool: Path
    predictions: Path
    pool_predictions: Path


def written(folder: Path, planted: PlantedPool, *, with_embeddings: bool = False) -> PlantedTables:
    """Tables of rows; with embeddings, texts that say nothing instead, and the rows as a model's embeddings."""
    names = [f"class {number}" for number in range(planted.num_classes)]
    parts = {"train": planted.train, "validation": planted.validation}
    truths = {"train": planted.labels, "validation": planted.validation_truth}
    labels = [names[label] for split in parts for label in truths[split].tolist()]
    splits = [split for split, rows in parts.items() for _ in rows]
    ids = [f"{split}-{number}" for split, rows in parts.items() for number in range(len(rows))]
    pool_ids = [f"pool-{number}" for number in range(len(planted.pool))]
    modality: Modality = "text" if with_embeddings else "tabular"

    def columns(rows: np.ndarray) -> dict[str, pa.Array]:
        if with_embeddings:
            return {"text": pa.array(["an example"] * len(rows))}
        return {f"x{number}": pa.array(rows[:, number]) for number in range(rows.shape[1])}

    given = columns(np.concatenate(list(parts.values())))
    tables = PlantedTables(**{name: folder / name for name in ("examples", "pool", "predictions", "pool_predictions")})
    examples_table(tables.examples, modality, names, ids, splits, labels, given)
    examples_table(tables.pool, modality, names, pool_ids, None, None, columns(planted.pool))
    embeddings = [rows if with_embeddings else rows[:, :0] for rows in (*parts.values(), planted.pool)]
    everyone = np.full((len(planted.labels), len(names)), 1.0 / len(names))
    answers = np.concatenate([everyone, planted.validation_answers])
    answers_table(tables.predictions, names, ids, splits, labels, answers, np.concatenate(embeddings[:2]))
    nothing = [None] * len(pool_ids)
    answers_table(
        tables.pool_predictions, names, pool_ids, ["test"] * len(pool_ids), nothing, planted.pool_answers, embeddings[2]
    )
    return tables


def examples_table(
    path: Path,
    modality: Modality,
    names: Sequence[str],
    ids: Sequence[str],
    splits: Sequence[str] | None,
    labels: Sequence[str | None] | None,
    columns: Mapping[str, pa.Array],
    *,
    content_ids: Sequence[int] | None = None,
) -> None:
    """An example table; a pool where there are no splits."""
    features = {name: values for name, values in columns.items() if name not in ("text", "image")}
    info = ExampleTableInfo(
        modality=modality,
        class_names=tuple(names),
        column_roles=dict.fromkeys(features, "feature"),
        is_pool=splits is None,
    )
    base = {
        "example_id": pa.array(ids),
        "split": pa.array(splits or [None] * len(ids), pa.string()),
        "label": pa.array(labels or [None] * len(ids), pa.string()),
        "content_id": pa.array(content_ids or [None] * len(ids), pa.uint64()),
        **columns,
    }
    kinds = {name: values.type for name, values in features.items()}
    with ExampleTableWriter(path, info, extra_columns=kinds) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(base.values()), list(base)))


def answers_table(
    path: Path,
    names: Sequence[str],
    ids: Sequence[str],
    splits: Sequence[str],
    labels: Sequence[str | None],
    probabilities: np.ndarray,
    embeddings: np.ndarray,
) -> None:
    """A predictions table."""
    with PredictionsWriter(path, class_names=names, extra_columns={}) as writer:
        writer.write(
            example_ids=ids,
            splits=splits,
            labels=labels,
            probabilities=probabilities,
            embeddings=embeddings,
            extra={},
        )
