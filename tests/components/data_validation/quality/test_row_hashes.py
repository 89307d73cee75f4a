from datetime import date, time
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from components.data_validation.quality.row_hashes import column_hashes, row_hashes


def hashes_of(values, kind: pa.DataType | None = None) -> np.ndarray:
    return column_hashes(pa.array(values, kind))


def test_equal_rows_hash_alike_and_other_rows_apart():
    table = pa.table({"x": [1.5, 2.5, 1.5, 1.5], "y": ["a", "a", "a", "b"]})
    first, second, third, fourth = row_hashes(table, ["x", "y"])
    assert first == third
    assert len({first, second, fourth}) == 3


def test_a_hundred_thousand_different_rows_do_not_collide():
    numbers = np.arange(100_000)
    for column in (numbers, numbers / 7, [f"row {number}" for number in numbers], numbers.astype(np.float32)):
        assert len(np.unique(hashes_of(column))) == 100_000


def test_the_same_values_in_other_columns_are_another_row():
    table = pa.table({"x": [1, 2], "y": [2, 1]})
    first, second = row_hashes(table, ["x", "y"])
    assert first != second
    assert row_hashes(table, ["y", "x"])[0] != first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([3, None]), pa.array([3.0, None])),
        (pa.array([3], pa.int8()), pa.array([3], pa.uint64())),
        (pa.array([0.5]), pa.array([0.5], pa.float32())),
        (pa.array([0.5]), pa.array([np.float16(0.5)], pa.float16())),
        (pa.array([Decimal("2.50")]), pa.array([2.5])),
        (pa.array([0.0]), pa.array([-0.0])),
        (pa.array([2**60 + 1]), pa.array([2**60 + 1], pa.uint64())),
        (pa.array(["a", None, "b"]), pa.array(["a", None, "b"]).dictionary_encode()),
        (pa.array(["a", "b"]), pa.array(["a", "b"], pa.large_string())),
        (pa.array(["a"]), pa.array([b"a"])),
        (pa.array([b"ab"]), pa.array([b"ab"], pa.binary(2))),
        (pa.array([date(2024, 1, 2)]), pa.array([date(2024, 1, 2)]).cast(pa.timestamp("ns"))),
        (pa.array([date(2024, 1, 2)]), pa.array([date(2024, 1, 2)]).cast(pa.timestamp("s", "UTC"))),
        (pa.array([1500], pa.duration("ms")), pa.array([1_500_000], pa.duration("us"))),
        (pa.array([time(10, 11)]), pa.array([time(10, 11)]).cast(pa.time32("s"))),
        (pa.array([True, False]), pa.array(["true", "false"])),
        (pa.array([7]), pa.array([7]).dictionary_encode()),
    ],
)
def test_one_value_hashes_alike_in_every_type(one, other):
    np.testing.assert_array_equal(column_hashes(one), column_hashes(other))


def test_missing_is_one_value_of_its_own_in_every_type():
    missing = {
        int(column_hashes(array)[0])
        for array in (
            pa.nulls(1),
            pa.nulls(1, pa.int64()),
            pa.nulls(1, pa.float64()),
            pa.array([np.nan]),
            pa.nulls(1, pa.string()),
            pa.nulls(1, pa.bool_()),
            pa.nulls(1, pa.timestamp("us")),
            pa.nulls(1, pa.dictionary(pa.int32(), pa.string())),
        )
    }
    assert len(missing) == 1
    assert missing.isdisjoint({int(hashes_of([value])[0]) for value in (0, 0.0, "", "null", "nan", False)})


def test_large_whole_numbers_that_a_float_would_merge_stay_apart():
    assert len(set(hashes_of([2**60, 2**60 + 1, -(2**60) - 1]))) == 3


def test_batches_slices_and_chunks_do_not_matter():
    generator = np.random.default_rng(0)
    texts = pa.array([None if row % 7 == 0 else f"t{row % 50}" for row in range(1000)])
    table = pa.table({"x": generator.normal(size=1000), "y": texts, "z": texts.dictionary_encode()})
    columns = table.column_names
    whole = row_hashes(table, columns)
    pieces = np.concatenate([row_hashes(batch, columns) for batch in table.to_batches(max_chunksize=77)])
    np.testing.assert_array_equal(whole, pieces)
    chunked = pa.concat_tables([table.slice(0, 300), table.slice(300)])
    np.testing.assert_array_equal(row_hashes(chunked, columns), whole)
    np.testing.assert_array_equal(row_hashes(table.slice(500), columns), whole[500:])


def test_texts_of_every_length_hash_apart_wherever_they_differ():
    texts = [b"", b"\0", b"\0\0", *(b"x" * length for length in range(1, 40))]
    long = b"abcdefghijklmnopqrstuvwxyz0123456789"
    texts += [long[:place] + b"_" + long[place + 1 :] for place in range(len(long))]
    assert len(set(hashes_of(texts).tolist())) == len(texts)


def test_a_text_hashes_alike_whatever_stands_around_it():
    texts = pa.array(["abc", "abcdefgh", None, "abcdefghi", "", "한국어 문장"])
    alone = np.concatenate([hashes_of([text], pa.string()) for text in texts.to_pylist()])
    np.testing.assert_array_equal(column_hashes(texts), alone)
    np.testing.assert_array_equal(column_hashes(texts[2:5]), alone[2:5])


def test_an_empty_batch_has_no_hashes():
    table = pa.table({"x": pa.array([], pa.float64()), "y": pa.array([], pa.string())})
    assert row_hashes(table, ["x", "y"]).shape == (0,)


def test_lists_absent_columns_and_no_columns_are_refused():
    table = pa.table({"x": [[1], [2]]})
    with pytest.raises(ValueError, match="'x' must hold one value a row"):
        row_hashes(table, ["x"])
    with pytest.raises(ValueError, match="'y' must be in the table once"):
        row_hashes(table, ["y"])
    with pytest.raises(ValueError, match="at least one column"):
        row_hashes(table, [])
