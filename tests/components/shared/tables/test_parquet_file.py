import contextlib
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.tables.parquet_file import parquet_file


def held_bytes():
    """What Arrow holds, and what it reads from a Python file into."""
    return pa.total_allocated_bytes() + tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize("opened", [contextlib.nullcontext, lambda path: path.open("rb")], ids=["path", "stream"])
def test_streaming_holds_a_row_group_and_not_the_file(tmp_path, opened):
    path = tmp_path / "t.parquet"
    rows = pa.table({"blob": pa.array([bytes([row]) * 100_000 for row in range(200)], pa.binary())})
    pq.write_table(rows, path, row_group_size=10, compression="none", use_dictionary=False)
    tracemalloc.start()
    try:
        with opened(path) as source:
            before = held_bytes()
            batches = parquet_file(source).iter_batches(batch_size=10)
            seen = [(batch.num_rows, held_bytes() - before) for batch in batches]
    finally:
        tracemalloc.stop()
    assert sum(num_rows for num_rows, _ in seen) == 200
    assert max(held for _, held in seen) < rows.nbytes / 2
