"""The predictions table: one row a scored example, which every analysis reads.

Columns: `example_id`, `split`, `label` (null where unknown), `predicted`, `probabilities` (list of float32 in the
order of the class names), `embedding` (list of float32, empty where the model gives none), and slice columns. Texts are
masked, identifiers that tell who somebody is are hashed.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.contracts.parquet_folder import ShardReader, ShardWriter
from components.shared.runtime.errors import ContractError
from components.shared.tables.personal_columns import hashed_texts, masked_texts

FORMAT_VERSION = 1
CONTRACT = "predictions_table"

_COLUMNS = (
    ("example_id", pa.string()),
    ("split", pa.string()),
    ("label", pa.string()),
    ("predicted", pa.string()),
    ("probabilities", pa.list_(pa.float32())),
    ("embedding", pa.list_(pa.float32())),
)
_SUM_TOLERANCE = 1e-3


class PredictionsWriter:
    """Writes a predictions table as a stream, with checks.

    Parameters
    ----------
    class_names
        In the order of the probabilities.
    extra_columns
        Names and Arrow types of slice and metadata columns.
    kept
        Columns among all of them whose personal data stay as they are.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        class_names: Sequence[str],
        extra_columns: Mapping[str, pa.DataType],
        kept: Collection[str] = (),
    ) -> None:
        self._class_names = tuple(class_names)
        self._kept = frozenset(kept)
        self._extra_columns = dict(extra_columns)
        self._writer = ShardWriter(
            path,
            pa.schema(list(_COLUMNS) + list(extra_columns.items())),
            contract=CONTRACT,
            format_version=FORMAT_VERSION,
            info={"class_names": list(class_names), "slice_columns": list(extra_columns)},
        )

    def __enter__(self) -> "PredictionsWriter":
        return self

    def __exit__(self, *exception: Any) -> None:
        self._writer.__exit__(*exception)

    def write(
        self,
        *,
        example_ids: Sequence[str],
        splits: Sequence[str],
        labels: Sequence[str | None],
        probabilities: np.ndarray,
        embeddings: np.ndarray,
        extra: Mapping[str, pa.Array],
    ) -> None:
        """Append N scored examples.

        Parameters
        ----------
        probabilities
            Shape (N, K), each row adds up to 1.
        embeddings
            Shape (N, D); D may be 0.
        extra
            The extra columns, N values each.

        Raises
        ------
        ContractError
            If shapes disagree or a row of probabilities does not add up to 1.
        """
        num_rows, num_classes = len(example_ids), len(self._class_names)
        if probabilities.shape != (num_rows, num_classes):
            raise ContractError(
                f"probabilities must have the shape {(num_rows, num_classes)}, got {probabilities.shape}"
            )
        if not np.allclose(probabilities.sum(axis=1), 1.0, atol=_SUM_TOLERANCE):
            raise ContractError("each row of probabilities must add up to 1; is there a NaN in the model's output?")
        predicted = [self._class_names[index] for index in probabilities.argmax(axis=1)] if num_rows else []
        ids, shown_labels = pa.array(example_ids, pa.string()), pa.array(labels, pa.string())
        arrays = [
            ids if "example_id" in self._kept else hashed_texts(ids),
            pa.array(splits, pa.string()),
            shown_labels if "label" in self._kept else masked_texts(shown_labels),
            pa.array(predicted, pa.string()),
            _list_array(probabilities),
            _list_array(embeddings),
            *(
                extra[name].cast(kind) if name in self._kept else masked_texts(extra[name].cast(kind))
                for name, kind in self._extra_columns.items()
            ),
        ]
        names = [name for name, _ in _COLUMNS] + list(self._extra_columns)
        self._writer.write(pa.RecordBatch.from_arrays(arrays, names))


def _list_array(values: np.ndarray) -> pa.ListArray:
    flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).ravel())
    offsets = np.arange(values.shape[0] + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)


class PredictionsTable(ShardReader):
    """Reads a predictions table.

    Raises
    ------
    FileNotFoundError
        If there is no predictions table at `path`.
    ContractError
        If it is damaged or of another version.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, contract=CONTRACT, newest_version=FORMAT_VERSION, keys=("class_names", "slice_columns"))
        self.class_names: tuple[str, ...] = tuple(self.metadata["class_names"])
        self.slice_columns: tuple[str, ...] = tuple(self.metadata["slice_columns"])

    def probabilities(self, *, splits: Sequence[str] | None = None) -> np.ndarray:
        """Probabilities of all rows, shape (N, K), float32, in the table's order."""
        column = self.read(["probabilities"], splits=splits).column(0)
        flat = np.concatenate([np.asarray(chunk.flatten()) for chunk in column.chunks] or [np.empty(0, np.float32)])
        return flat.reshape(-1, len(self.class_names))
