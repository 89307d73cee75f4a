import datetime
import decimal

import pyarrow as pa
import pytest

from components.shared.tables.column_types import as_type, composed_texts, type_of_stored, type_of_texts, widest_types


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-20", None, " 3 "], pa.int64()),
        (["1", "2.5", "1e3", ".5", "-inf"], pa.float64()),
        (["1", "NA", "nan", "null"], pa.int64()),
        (["1", "x"], pa.string()),
        (["00501", "10001"], pa.string()),
        (["0x1F"], pa.string()),
        (["2012-02-01"], pa.string()),
        ([None, None], pa.null()),
        (["12345678901234567890"], pa.float64()),
    ],
)
def test_the_narrowest_type_holds_all_texts(values, kind):
    assert type_of_texts(pa.array(values, pa.string())) == kind


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (pa.int8(), pa.int64()),
        (pa.uint64(), pa.float64()),
        (pa.float32(), pa.float64()),
        (pa.bool_(), pa.string()),
        (pa.timestamp("ns"), pa.string()),
        (pa.dictionary(pa.int8(), pa.large_string()), pa.string()),
        (pa.dictionary(pa.int8(), pa.int32()), pa.int64()),
        (pa.decimal128(5, 2), pa.float64()),
        (pa.list_(pa.int64()), None),
        (pa.binary(), None),
    ],
)
def test_stored_types_become_one_of_three_or_are_left_out(kind, wanted):
    assert type_of_stored(kind) == wanted


def test_a_column_takes_the_widest_type_of_all_files():
    first = {"a": pa.int64(), "b": pa.int64(), "c": pa.null(), "d": pa.null()}
    second = {"a": pa.float64(), "b": pa.string(), "c": pa.int64(), "d": pa.null()}
    assert widest_types([first, second]) == {"a": pa.float64(), "b": pa.string(), "c": pa.int64(), "d": pa.string()}


def test_texts_become_numbers_and_missing_ones_null():
    values = pa.array(["1", " 2.5 ", "NaN", "+3", None, "?"])
    assert as_type(values, pa.float64()).to_pylist() == [1.0, 2.5, None, 3.0, None, None]


def test_texts_are_composed_and_empty_ones_null():
    assert as_type(pa.array(["e\u0301", "", "NA"]), pa.string()).to_pylist() == ["é", None, "NA"]


def test_whole_floats_become_texts_without_a_point():
    assert as_type(pa.array([1.0, 2.5, None, float("nan")]), pa.string()).to_pylist() == ["1", "2.5", None, None]


def test_stored_values_become_texts():
    assert as_type(pa.array([True, None]), pa.string()).to_pylist() == ["true", None]
    assert as_type(pa.array([datetime.date(2026, 1, 2)]), pa.string()).to_pylist() == ["2026-01-02"]
    assert as_type(pa.array(["a", "b", "a"]).dictionary_encode(), pa.string()).to_pylist() == ["a", "b", "a"]


def test_stored_values_become_numbers():
    assert as_type(pa.array([decimal.Decimal("1.25")]), pa.float64()).to_pylist() == [1.25]
    assert as_type(pa.array([float("nan"), 2.0], pa.float32()), pa.float64()).to_pylist() == [None, 2.0]


def test_composed_and_decomposed_texts_are_one_in_both_environments():
    texts = pa.array(["\uc11c", "\u1109\u1165", "", None, "e\u0301", "plain"])
    assert composed_texts(texts).to_pylist() == ["\uc11c", "\uc11c", None, None, "\u00e9", "plain"]
    assert composed_texts(pa.array([], pa.string())).to_pylist() == []
