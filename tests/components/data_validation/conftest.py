"""Example tables for the tests of validation: real Parquet folders, written by the project's own writer."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter

WriteTable = Callable[..., Path]


@pytest.fixture
def write_table(tmp_path: Path) -> WriteTable:
    """Write a tabular example table from Python lists; columns are features unless `roles` says otherwise."""

    def write(
        splits: Sequence[str],
        labels: Sequence[str | None],
        columns: Mapping[str, pa.Array | Sequence[Any]],
        *,
        roles: Mapping[str, str] | None = None,
        name: str = "examples",
    ) -> Path:
        arrays = {key: value if isinstance(value, pa.Array) else pa.array(value) for key, value in columns.items()}
        info = ExampleTableInfo(
            modality="tabular",
            class_names=tuple(sorted({label for label in labels if label is not None})),
            column_roles={key: (roles or {}).get(key, "feature") for key in arrays},
        )
        base = {
            "example_id": pa.array([f"example-{row}" for row in range(len(splits))], pa.string()),
            "split": pa.array(splits, pa.string()),
            "label": pa.array(labels, pa.string()),
        }
        path = tmp_path / name
        with ExampleTableWriter(path, info, extra_columns={key: array.type for key, array in arrays.items()}) as writer:
            every = {**base, **arrays}
            writer.write(pa.RecordBatch.from_arrays(list(every.values()), list(every)))
        return path

    return write
