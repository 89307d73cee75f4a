"""Inputs of examples as Arrow columns and back: fixed shapes as fixed-size bytes, ragged ones as lists.

Shapes: B examples, T the length of the longest ragged input among them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import math
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.runtime.errors import ContractError

DTYPES = ("uint8", "int32", "float32")
RAGGED = (None,)
PADDING = 0
_LARGE_ROW_BYTES = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSpec:
    """Type and shape of one input of one example.

    Attributes
    ----------
    dtype
        `uint8`, `int32` or `float32`.
    shape
        Sizes, each 0 or more; `(None,)` for a ragged input: one dimension whose length differs between examples. In
        memory it is padded with `PADDING`, which never occurs inside a row.
    """

    dtype: str
    shape: tuple[int | None, ...]

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ContractError(f"the type of an input must be one of {', '.join(DTYPES)}, got {self.dtype!r}")
        if self.shape != RAGGED and any(type(size) is not int or size < 0 for size in self.shape):
            raise ContractError(f"the shape of an input must be sizes of 0 or more, or [null], got {self.shape!r}")

    @property
    def is_ragged(self) -> bool:
        """Whether rows differ in length."""
        return self.shape == RAGGED

    @property
    def num_bytes(self) -> int:
        """Bytes of one example; 0 for a ragged input, whose size differs."""
        if self.is_ragged:
            return 0
        return math.prod(self._sizes) * np.dtype(self.dtype).itemsize

    @property
    def arrow_type(self) -> pa.DataType:
        """Type of the column that holds it."""
        return pa.list_(pa.from_numpy_dtype(self.dtype)) if self.is_ragged else pa.binary(self.num_bytes)

    def empty(self, num_rows: int, length: int = 0) -> np.ndarray:
        """Padding of the shape (B, ...); `length` is T for a ragged input."""
        shape = (length,) if self.is_ragged else self._sizes
        return np.zeros((num_rows, *shape), np.dtype(self.dtype))  # PADDING

    def uninitialized(self, num_rows: int) -> np.ndarray:
        """Rows of a fixed shape, (B, ...), with arbitrary contents: the caller overwrites them all."""
        return np.empty((num_rows, *self._sizes), np.dtype(self.dtype))

    @property
    def _sizes(self) -> tuple[int, ...]:
        return tuple(size for size in self.shape if size is not None)

    def to_dict(self) -> dict[str, Any]:
        """The spec as JSON values."""
        return {"dtype": self.dtype, "shape": list(self.shape)}


def input_specs_from(content: Mapping[str, Any]) -> dict[str, InputSpec]:
    """Read the specs in an index; `ContractError` if they are none."""
    try:
        return {name: InputSpec(dtype=spec["dtype"], shape=tuple(spec["shape"])) for name, spec in content.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ContractError(f"the inputs of a feature store must have dtype and shape each: {error!r}") from error


def input_array(values: np.ndarray, spec: InputSpec, *, name: str) -> pa.Array:
    """Inputs of B examples, (B, ...) of the spec, as a column; a ragged input is (B, T), padded at the end.

    `ContractError` if type or shape are not the spec's.
    """
    fits = values.ndim == 2 if spec.is_ragged else values.shape[1:] == spec.shape
    if values.dtype != np.dtype(spec.dtype) or not values.ndim or not fits:
        shape = ("B", "T") if spec.is_ragged else ("B", *spec.shape)
        raise ContractError(
            f"{name} must be {spec.dtype} of the shape ({', '.join(map(str, shape))}), "
            f"got {values.dtype} {values.shape}"
        )
    if not spec.is_ragged:
        return pa.Array.from_buffers(spec.arrow_type, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])
    kept = values != PADDING
    lengths = np.where(kept.any(axis=1), values.shape[1] - kept[:, ::-1].argmax(axis=1), 0) if values.size else 0
    offsets = np.zeros(len(values) + 1, np.int32)
    offsets[1:] = np.cumsum(np.broadcast_to(lengths, len(values)))
    inside = np.arange(values.shape[1]) < np.diff(offsets)[:, None]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values[inside]))


def joined_inputs(parts: Sequence[Mapping[str, np.ndarray]], specs: Mapping[str, InputSpec]) -> dict[str, np.ndarray]:
    """Inputs of several batches as those of one, of a single one itself; ragged ones are padded to the longest."""
    if len(parts) == 1:
        return {name: parts[0][name] for name in specs}
    joined = {}
    for name, spec in specs.items():
        values = [part[name] for part in parts]
        if spec.is_ragged:
            length = max((value.shape[1] for value in values), default=0)
            values = [
                value if value.shape[1] == length else np.pad(value, ((0, 0), (0, length - value.shape[1])))
                for value in values
            ]
        joined[name] = np.concatenate(values) if values else spec.empty(0)
    return joined


class InputBlock:
    """One memory-mapped record batch's column of one input: rows without a copy.

    `values` has the shape (B, ...) for a fixed shape; a ragged input has all rows end to end.
    """

    def __init__(self, column: pa.Array, spec: InputSpec) -> None:
        self._spec = spec
        if spec.is_ragged:
            self._starts = column.offsets.to_numpy().astype(np.int64)
            self.values = column.values.to_numpy()
            return
        width = spec.num_bytes
        content = np.frombuffer(column.buffers()[1] or b"", np.uint8)
        content = content[column.offset * width :][: len(column) * width]
        self.values = content.view(spec.dtype).reshape(len(column), *spec.shape)

    def contents(self) -> Iterator[memoryview]:
        """The block's bytes, for a fingerprint."""
        if self._spec.is_ragged:
            yield np.diff(self._starts).data.cast("B")
        if self.values.size:
            yield self.values.data.cast("B")

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """Lengths of ragged rows, shape (B,), int64."""
        lengths: np.ndarray = self._starts[rows + 1] - self._starts[rows]
        return lengths

    def read_into(self, out: np.ndarray, places: np.ndarray, rows: np.ndarray) -> None:
        """Write rows to places of `out`, which is of the spec's shape and padded."""
        if not self._spec.is_ragged:
            if self._spec.num_bytes < _LARGE_ROW_BYTES:
                out[places] = self.values[rows]
                return
            # Indexing with arrays would copy large rows twice.
            for place, row in zip(places, rows, strict=True):
                out[place] = self.values[row]
            return
        inside = np.arange(out.shape[1]) < self.lengths(rows)[:, None]
        row_of, column_of = np.nonzero(inside)
        out[places[row_of], column_of] = self.values[self._starts[rows][row_of] + column_of]
