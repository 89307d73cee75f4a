from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from components.data_validation.tables.arrow_lists import (
    as_value_lists,
    examined_columns,
    ExaminedColumn,
    MASKED,
    unexamined_columns,
)
from components.shared.example_table import ExampleTableInfo


def lists_of(array: pa.Array, kind: str) -> list:
    batch = pa.RecordBatch.from_arrays([array], ["x"])
    return as_value_lists(batch, [ExaminedColumn(name="x", role="feature", kind=kind)]).column(0).to_pylist()


def test_only_columns_that_say_something_of_the_data_take_part():
    roles = {
        "example_id": "id",
        "split": "split",
        "label": "label",
        "image": "payload",
        "width": "derived",
        "source_name": "metadata",
        "taken": "time",
        "patient": "group",
        "site": "slice",
        "sex": "sensitive",
        "phone": "pii",
        "age": "feature",
    }
    info = ExampleTableInfo(modality="image", class_names=("a", "b"), column_roles=roles)
    schema = pa.schema([(name, pa.binary() if name == "image" else pa.string()) for name in roles])
    names = [column.name for column in examined_columns(info, schema)]
    assert names == ["label", "width", "site", "sex", "phone", "age"]


def test_a_column_whose_type_holds_no_single_value_is_left_out_and_named():
    info = ExampleTableInfo(
        modality="tabular", class_names=(), column_roles={"embedding": "feature", "age": "feature", "blob": "feature"}
    )
    schema = pa.schema([("embedding", pa.list_(pa.float32())), ("age", pa.int8()), ("blob", pa.binary())])
    assert [column.name for column in examined_columns(info, schema)] == ["age"]
    assert unexamined_columns(info, schema) == {"embedding": "list<item: float>", "blob": "binary"}


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
    info = ExampleTableInfo(modality="tabular", class_names=(), column_roles={"x": "feature"})
    (column,) = examined_columns(info, pa.schema([("x", array.type)]))
    assert column.kind == kind
    assert lists_of(array, kind) == expected


def test_a_masked_column_keeps_nothing_but_whether_there_is_a_value():
    assert lists_of(pa.array(["900101-1234567", None]), "masked") == [[MASKED], None]
    assert lists_of(pa.array([1.0, None, float("nan")]), "masked") == [[MASKED], None, None]
    assert lists_of(pa.array([7, None]), "masked") == [[MASKED], None]
