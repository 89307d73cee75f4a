"""Rows on their way into a part of a feature store; those of a fixed size are copied to their final place at once."""

import numpy as np
import pyarrow as pa


class PartRows:
    """Gathers record batches into one; the memory of fixed-size columns is reused from part to part.

    `max_rows` is the most that a part holds: address space for fixed-size columns is taken at once, pages as rows come.
    `num_rows` and `num_bytes` count what came since the last `clear`.
    """

    def __init__(self, schema: pa.Schema, *, max_rows: int) -> None:
        self._schema = schema
        self._fixed = {
            field.name: np.empty((max_rows, field.type.byte_width), np.uint8)
            for field in schema
            if pa.types.is_fixed_size_binary(field.type)
        }
        self._others: dict[str, list[pa.Array]] = {}
        self.num_rows = 0
        self.num_bytes = 0
        self.clear()

    def add(self, batch: pa.RecordBatch) -> None:
        """Append rows; fixed-size columns are copied. `ValueError` if there is no room for them."""
        end = self.num_rows + batch.num_rows
        for name, column in zip(self._schema.names, batch.columns, strict=True):
            if name not in self._fixed:
                self._others[name].append(column)
                continue
            values = self._fixed[name]
            width = values.shape[1]
            content = np.frombuffer(column.buffers()[1] or b"", np.uint8)[column.offset * width :]
            values[self.num_rows : end] = content[: len(column) * width].reshape(len(column), width)
        self.num_rows = end
        self.num_bytes += int(batch.nbytes)

    def batch(self) -> pa.RecordBatch:
        """All rows; valid until `clear`."""
        columns = [self._column(field) for field in self._schema]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def clear(self) -> None:
        """Begin the next part."""
        self.num_rows = 0
        self.num_bytes = 0
        self._others = {name: [] for name in self._schema.names if name not in self._fixed}

    def _column(self, field: pa.Field) -> pa.Array:
        if field.name not in self._fixed:
            pieces = self._others[field.name]
            return pa.concat_arrays(pieces) if pieces else pa.array([], field.type)
        content = pa.py_buffer(self._fixed[field.name][: self.num_rows])
        return pa.Array.from_buffers(field.type, self.num_rows, [None, content])
