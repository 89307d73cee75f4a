import itertools

import numpy as np
import pyarrow as pa
import pytest

from components.data_validation.statistics.row_sample import RowSample

SCHEMA = pa.schema([("row", pa.int64())])


def fed(num_rows: int, *, max_rows: int, batch_rows: int = 1000, seed: int = 0, first: int = 0) -> RowSample:
    sample = RowSample(max_rows, seed=seed)
    for start in range(first, first + num_rows, batch_rows):
        numbers = np.arange(start, min(start + batch_rows, first + num_rows))
        sample.add(pa.RecordBatch.from_arrays([pa.array(numbers)], ["row"]), numbers)
    return sample


def test_a_small_table_is_kept_whole():
    sample = fed(100, max_rows=100)
    assert sample.stride == 1
    assert sample.table(SCHEMA)["row"].to_pylist() == list(range(100))


def test_a_sample_is_in_order_and_half_to_all_of_its_size():
    sample = fed(10_000, max_rows=700)
    rows = sample.table(SCHEMA)["row"].to_numpy()
    assert sample.stride == 16
    assert sample.num_rows_seen == 10_000
    assert 600 <= len(rows) <= 625 + 1
    assert (np.diff(rows) > 0).all()
    assert (rows == sample.row_numbers).all()
    # One row of each block of `stride` rows, so that no stretch of the table is missed.
    assert (rows // 16 == np.arange(len(rows))).all()


def test_where_batches_end_changes_nothing():
    small, large = (fed(10_000, max_rows=300, batch_rows=rows) for rows in (7, 4096))
    assert (small.row_numbers == large.row_numbers).all()


@pytest.mark.parametrize("cuts", [[5000], [17, 3000, 9999]])
def test_samples_of_runs_merge_into_the_sample_of_the_whole(cuts):
    edges = [0, *cuts, 10_000]
    first, *later = [fed(end - start, max_rows=300, first=start) for start, end in itertools.pairwise(edges)]
    first.merge(later)
    whole = fed(10_000, max_rows=300)
    assert (first.row_numbers == whole.row_numbers).all()
    assert first.table(SCHEMA).equals(whole.table(SCHEMA))
    assert first.num_rows_seen == 10_000


def test_the_seed_decides_which_rows_are_kept():
    samples = [fed(5000, max_rows=100, seed=seed).row_numbers.tolist() for seed in (0, 0, 1)]
    assert samples[0] == samples[1] != samples[2]


def test_every_row_has_the_same_chance():
    chosen = np.zeros(256)
    num_seeds = 800
    for seed in range(num_seeds):
        chosen[fed(256, max_rows=40, seed=seed).row_numbers] += 1
    # 256 rows, a stride of 8: chance 1/8 each; the largest of 256 deviations stays below 4.5 standard deviations.
    expected, deviation = num_seeds / 8, np.sqrt(num_seeds / 8 * 7 / 8)
    assert np.abs(chosen - expected).max() < 4.5 * deviation


def test_neighbouring_blocks_are_drawn_independently():
    offsets = np.array([fed(64, max_rows=10, seed=seed).row_numbers[:2] % 8 for seed in range(1000)])
    together = np.histogram2d(offsets[:, 0], offsets[:, 1], bins=(8, 8))[0]
    chi_squared = ((together - 1000 / 64) ** 2 / (1000 / 64)).sum()
    assert 30 < chi_squared < 110  # 63 degrees of freedom: beyond 5 in 10,000 on either side


def test_rows_that_are_left_out_leave_a_smaller_sample_of_the_rest():
    sample = RowSample(100)
    numbers = np.arange(0, 10_000, 3)
    sample.add(pa.RecordBatch.from_arrays([pa.array(numbers)], ["row"]), numbers)
    assert set(sample.row_numbers) <= set(numbers.tolist())
    assert 50 <= len(sample.row_numbers) <= 100


def test_what_is_held_may_be_converted_first():
    sample = RowSample(10)
    numbers = np.arange(4)
    batch = pa.RecordBatch.from_arrays([pa.array(numbers)], ["row"])
    sample.add(batch, numbers, convert=lambda rows: pa.RecordBatch.from_arrays([pa.array([7] * len(rows))], ["row"]))
    assert sample.table(SCHEMA)["row"].to_pylist() == [7, 7, 7, 7]


def test_a_sample_without_rows_has_the_tables_columns():
    assert RowSample(10).table(SCHEMA).schema == SCHEMA
    assert RowSample(10).row_numbers.tolist() == []


def test_a_sample_of_no_rows_is_refused():
    with pytest.raises(ValueError, match="max_rows must be at least 1, got 0"):
        RowSample(0)
