"""The predictions table: one row a scored example, which every analysis reads.

Columns: `example_id`, `split`, `label` (null where unknown), `predicted`, `probabilities` (list of float32 in the
order of the class names), `embedding` (list of float32, empty where the model gives none), slice columns, and where the
model was asked with dropout `mutual_information` (float32, nats). Texts are masked, identifiers that tell who somebody
is are hashed. Where the label is a number, `label` and `predicted` are float64, and `probabilities` are empty.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.contracts.parquet_folder import ShardReader, ShardWriter
from components.shared.runtime.errors import ContractError
from components.shared.tables.personal_columns import hashed_texts, masked_texts

FORMAT_VERSION = 3
CONTRACT = "predictions_table"

_COLUMNS = ("example_id", "split", "label", "predicted", "probabilities", "embedding")
MUTUAL_INFORMATION = "mutual_information"
_SUM_TOLERANCE = 1e-3


class PredictionsWriter:
    """Writes a predictions table as a stream, with checks.

    Parameters
    ----------
    class_names
        In the order of the probabilities; none where the label is a number.
    is_regression
        Whether the label is a number.
    extra_columns
        Names and Arrow types of slice and metadata columns.
    kept
        Columns among all of them whose personal data stay as they are.
    has_mutual_information
        Whether every example comes with it.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        class_names: Sequence[str],
        extra_columns: Mapping[str, pa.DataType],
        is_regression: bool = False,
        kept: Collection[str] = (),
        has_mutual_information: bool = False,
    ) -> None:
        self._class_names = tuple(class_names)
        self._kind = pa.float64() if is_regression else pa.string()
        self._kept = frozenset(kept)
        self._extra_columns = dict(extra_columns)
        self._has_mutual_information = has_mutual_information
        self._writer = ShardWriter(
            path,
            _schema(self._kind, extra_columns, has_mutual_information),
            contract=CONTRACT,
            format_version=FORMAT_VERSION,
            info={
                "task": "regression" if is_regression else "classification",
                "class_names": list(class_names),
                "slice_columns": list(extra_columns),
            },
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
        labels: Sequence[str | None] | Sequence[float | None],
        probabilities: np.ndarray,
        embeddings: np.ndarray,
        extra: Mapping[str, pa.Array],
        numbers: np.ndarray | None = None,
        mutual_information: np.ndarray | None = None,
    ) -> None:
        """Append N scored examples.

        Parameters
        ----------
        probabilities
            Shape (N, K), each row adds up to 1; K is 0 where the label is a number.
        embeddings
            Shape (N, D); D may be 0.
        extra
            The extra columns, N values each.
        numbers
            Shape (N,), the predicted numbers, finite, where the label is a number; None elsewhere.
        mutual_information
            Shape (N,), float32, finite, where the writer has it; None elsewhere.

        Raises
        ------
        ContractError
            If shapes disagree, a row of probabilities does not add up to 1, or a number is not finite.
        """
        num_rows, num_classes = len(example_ids), len(self._class_names)
        if probabilities.shape != (num_rows, num_classes):
            raise ContractError(
                f"probabilities must have the shape {(num_rows, num_classes)}, got {probabilities.shape}"
            )
        predicted = self._numbers(numbers, num_rows) if self._is_regression else self._classes(probabilities)
        ids, shown_labels = pa.array(example_ids, pa.string()), pa.array(labels, self._kind)
        arrays = [
            ids if "example_id" in self._kept else hashed_texts(ids),
            pa.array(splits, pa.string()),
            shown_labels if self._is_regression or "label" in self._kept else masked_texts(shown_labels),
            pa.array(predicted, self._kind),
            _list_array(probabilities),
            _list_array(embeddings),
            *(
                extra[name].cast(kind) if name in self._kept else masked_texts(extra[name].cast(kind))
                for name, kind in self._extra_columns.items()
            ),
        ]
        names = [*_COLUMNS, *self._extra_columns]
        if self._has_mutual_information:
            arrays.append(pa.array(self._told(mutual_information, num_rows), pa.float32()))
            names.append(MUTUAL_INFORMATION)
        self._writer.write(pa.RecordBatch.from_arrays(arrays, names))

    @property
    def _is_regression(self) -> bool:
        return bool(pa.types.is_floating(self._kind))

    def _classes(self, probabilities: np.ndarray) -> list[str]:
        if not np.allclose(probabilities.sum(axis=1), 1.0, atol=_SUM_TOLERANCE):
            raise ContractError("each row of probabilities must add up to 1; is there a NaN in the model's output?")
        return [self._class_names[index] for index in probabilities.argmax(axis=1)] if len(probabilities) else []

    def _told(self, mutual_information: np.ndarray | None, num_rows: int) -> np.ndarray:
        told = mutual_information
        if told is None or told.shape != (num_rows,) or not np.isfinite(told).all():
            found = "none" if told is None else f"the shape {told.shape} or one that is not finite"
            raise ContractError(f"mutual_information must be {num_rows} finite numbers, got {found}")
        return told

    def _numbers(self, numbers: np.ndarray | None, num_rows: int) -> np.ndarray:
        if numbers is None or numbers.shape != (num_rows,) or not np.isfinite(numbers).all():
            found = "none" if numbers is None else f"the shape {numbers.shape} or one that is not finite"
            raise ContractError(f"numbers must be {num_rows} finite ones, got {found}")
        return numbers


def _schema(kind: pa.DataType, extra_columns: Mapping[str, pa.DataType], has_mutual_information: bool) -> pa.Schema:
    types = (pa.string(), pa.string(), kind, kind, pa.list_(pa.float32()), pa.list_(pa.float32()))
    told = [(MUTUAL_INFORMATION, pa.float32())] if has_mutual_information else []
    return pa.schema([*zip(_COLUMNS, types, strict=True), *extra_columns.items(), *told])


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
        self.is_regression = bool(self.metadata.get("task") == "regression")
        self.class_names: tuple[str, ...] = tuple(self.metadata["class_names"])
        self.slice_columns: tuple[str, ...] = tuple(self.metadata["slice_columns"])

    def numbers(self, name: str, *, splits: Sequence[str] | None = None) -> np.ndarray:
        """The column `label` or `predicted` where the label is a number, shape (N,), float64, `nan` where unknown."""
        column: np.ndarray = self.read([name], splits=splits).column(0).to_numpy()
        return column

    def probabilities(self, *, splits: Sequence[str] | None = None) -> np.ndarray:
        """Probabilities of all rows, shape (N, K), float32, in the table's order."""
        column = self.read(["probabilities"], splits=splits).column(0)
        flat = np.concatenate([np.asarray(chunk.flatten()) for chunk in column.chunks] or [np.empty(0, np.float32)])
        return flat.reshape(len(column), len(self.class_names))
