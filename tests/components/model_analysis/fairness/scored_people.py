"""Scored people as tables on disk: no model is needed to compare groups."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsWriter


def write_people(
    folder: Path,
    *,
    labels: Sequence[str] | np.ndarray,
    scores: np.ndarray,
    splits: Sequence[str],
    columns: Mapping[str, pa.Array],
    roles: Mapping[str, object] | None = None,
    sources: Sequence[str] | None = None,
) -> tuple[Path, Path]:
    """Write an example table and a predictions table of classes `no` and `yes`, or of numbers; paths of both.

    `scores` are probabilities of `yes`, shape (N,), or numbers; columns are sensitive unless `roles` says otherwise.
    """
    is_number = not isinstance(labels[0], str)
    ids = [f"person-{number}" for number in range(len(splits))]
    info = ExampleTableInfo(
        modality="tabular",
        class_names=() if is_number else ("no", "yes"),
        column_roles={name: (roles or {}).get(name, "sensitive") for name in columns},
        task="regression" if is_number else "classification",
    )
    base = {
        "example_id": pa.array(ids),
        "split": pa.array(list(splits)),
        "label": pa.array(labels, pa.float64() if is_number else pa.string()),
        **({} if sources is None else {"label_source": pa.array(sources)}),
    }
    extra = {name: values.type for name, values in columns.items()}
    with ExampleTableWriter(folder / "examples", info, extra_columns=extra) as writer:
        every = {**base, **columns}
        writer.write(pa.RecordBatch.from_arrays(list(every.values()), list(every)))
    carried = {name: values for name, values in columns.items() if (roles or {}).get(name) != "group"}
    if sources is not None:
        carried["label_source"] = pa.array(sources)
    with PredictionsWriter(
        folder / "predictions",
        class_names=info.class_names,
        extra_columns={name: values.type for name, values in carried.items()},
        is_regression=is_number,
    ) as predictions:
        predictions.write(
            example_ids=ids,
            splits=list(splits),
            labels=list(labels),
            probabilities=np.empty((len(ids), 0)) if is_number else np.column_stack([1 - scores, scores]),
            embeddings=np.empty((len(ids), 0)),
            extra=carried,
            numbers=scores if is_number else None,
        )
    return folder / "examples", folder / "predictions"
