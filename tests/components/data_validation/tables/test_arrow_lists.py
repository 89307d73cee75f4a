from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from components.data_validation.tables.arrow_lists import (
    as_value_lists,
    column_kind,
    ExaminedColumn,
    MASKED,
)


def lists_of(array: pa.Array, kind: str) -> list:
    batch = pa.RecordBatch.from_arrays([array], ["x"])
    return as_value_lists(batch, [ExaminedColumn(name="x", role="feature", kind=kind)]).column(0).to_pylist()


def test_missing_values_and_nan_become_null_lists():
    assert lists_of(pa.array([1.5, None, float("nan"), 2.0]), "float") == [[1.5], None, None, [2.0]]


@pytest.mark.parametrize(
    ("array", "kind", "expected"),
    [
        (pa.array([1, None], pa.int8()), "integer", [[1], None]),
        (pa.array([True, False, None]), "category", [["true"], ["false"], None]),
        (pa.array(["a", None, "a"]).dictionary_encode(), "category", [["a"], None, ["a"]]),
        (pa.array(["a"], pa.large_string()), "category", [["a"]]),
        (pa.array([None, None], pa.null()), "category", [None, None]),
        (pa.array([Decimal("1.25"), None]), "float", [[1.25], None]),
        (pa.array([2**64 - 1], pa.uint64()), "float", [[float(2**64 - 1)]]),
        (pa.array([1.5, None], pa.float32()), "float", [[1.5], None]),
        (pa.array([date(1970, 1, 2), None]), "time", [[86400.0], None]),
        (pa.array([datetime(1970, 1, 1, 0, 0, 1, 500000)]), "time", [[1.5]]),
    ],
)
def test_every_simple_type_has_a_form_that_tfdv_takes(array, kind, expected):
    assert column_kind(array.type) == kind
    assert lists_of(array, kind) == expected


def test_a_masked_column_keeps_nothing_but_whether_there_is_a_value():
    assert lists_of(pa.array(["900101-1234567", None]), "masked") == [[MASKED], None]
    assert lists_of(pa.array([1.0, None, float("nan")]), "masked") == [[MASKED], None, None]
    assert lists_of(pa.array([7, None]), "masked") == [[MASKED], None]
