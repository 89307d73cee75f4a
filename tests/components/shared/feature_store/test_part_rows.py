import numpy as np
import pyarrow as pa
import pytest

from components.shared.feature_store.part_rows import PartRows

SCHEMA = pa.schema(
    [("id", pa.string()), ("pixels", pa.binary(4)), ("tokens", pa.list_(pa.int32())), ("no", pa.binary(0))]
)


def batch_of(rows: range) -> pa.RecordBatch:
    columns = [
        pa.array([f"e{row}" for row in rows]),
        pa.array([bytes([row % 256] * 4) for row in rows], pa.binary(4)),
        pa.array([list(range(row % 3)) for row in rows], pa.list_(pa.int32())),
        pa.array([b""] * len(rows), pa.binary(0)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def test_batches_and_slices_of_them_become_one_batch():
    part = PartRows(SCHEMA, max_rows=300)
    part.add(batch_of(range(100)))
    part.add(batch_of(range(300)).slice(100, 150))
    part.add(batch_of(range(250, 251)))
    assert part.num_rows == 251
    assert part.batch().equals(batch_of(range(251)))


def test_the_next_part_begins_empty():
    part = PartRows(SCHEMA, max_rows=10)
    part.add(batch_of(range(10)))
    part.clear()
    assert (part.num_rows, part.num_bytes) == (0, 0)
    assert part.batch().num_rows == 0
    part.add(batch_of(range(5, 9)))
    assert part.batch().equals(batch_of(range(5, 9)))


def test_more_rows_than_there_is_room_for_are_refused():
    part = PartRows(SCHEMA, max_rows=10)
    part.add(batch_of(range(8)))
    with pytest.raises(ValueError, match="could not broadcast"):
        part.add(batch_of(range(8)))


def test_rows_that_were_added_do_not_change_with_their_source():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    schema = pa.schema([("pixels", pa.binary(4))])
    column = pa.Array.from_buffers(pa.binary(4), 3, [None, pa.py_buffer(pixels)])
    part = PartRows(schema, max_rows=3)
    part.add(pa.RecordBatch.from_arrays([column], schema=schema))
    pixels[:] = 0
    assert part.batch().column(0).to_pylist() == [bytes(range(start, start + 4)) for start in (0, 4, 8)]
