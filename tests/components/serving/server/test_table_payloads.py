import struct
import unicodedata

import numpy as np
import pyarrow as pa
import pytest

from components.serving.server.request_rows import Tensor
from components.serving.server.source_columns import SourceColumns
from components.serving.server.table_payloads import columns_from_instances, columns_from_tensors, MAX_ROWS
from components.shared.tables.repair_spec import Repair
from components.shared.tables.value_cleaning import ValueCleaning

TYPES = {"fare": pa.float64(), "hour": pa.int64(), "payment_type": pa.string(), "회사": pa.string()}
ROW = {"fare": 12.5, "hour": 7, "payment_type": "Cash", "회사": None}


def instances(*changes: dict) -> dict:
    return {"instances": [{**ROW, **change} for change in changes]}


def without(column: str) -> dict:
    return {"instances": [{name: value for name, value in ROW.items() if name != column}]}


def inputs(count: int = 1, **changes) -> list[Tensor]:
    given = {
        "fare": ("FP64", [12.5] * count),
        "hour": ("INT64", [7] * count),
        "payment_type": ("BYTES", ["Cash"] * count),
        "회사": ("BYTES", [""] * count),
        **changes,
    }
    return [as_tensor(name, datatype, data, count) for name, (datatype, data) in given.items()]


def as_tensor(name: str, datatype: str, data: list | bytes, count: int) -> Tensor:
    if isinstance(data, bytes):
        return Tensor(name=name, datatype=datatype, shape=(count,), data=[], raw=data)
    return Tensor(name=name, datatype=datatype, shape=(count,), data=data)


def listed(columns: dict[str, pa.Array]) -> dict[str, list]:
    return {name: values.to_pylist() for name, values in columns.items()}


def test_v1_rows_become_columns_with_null_for_what_is_missing():
    found = columns_from_instances(instances({}, {"fare": 3, "hour": None, "payment_type": ""}), TYPES)

    assert listed(found) == {
        "fare": [12.5, 3.0],
        "hour": [7, None],
        "payment_type": ["Cash", None],
        "회사": [None, None],
    }
    assert [found[name].type for name in TYPES] == [pa.float64(), pa.float64(), pa.string(), pa.string()]


def test_numbers_are_numbers_whether_whole_or_true():
    for value, wanted in [(7, 7.0), (7.5, 7.5), (True, 1.0), (False, 0.0), (2**70, 2.0**70), (-0.0, 0.0)]:
        assert columns_from_instances(instances({"hour": value}), TYPES)["hour"].to_pylist() == [wanted]


def test_names_and_texts_are_composed():
    decomposed = unicodedata.normalize("NFD", "택시")
    row = {unicodedata.normalize("NFD", name): value for name, value in {**ROW, "회사": decomposed}.items()}

    assert columns_from_instances({"instances": [row]}, TYPES)["회사"].to_pylist() == ["택시"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"instances": []}, "1 to 10,000 rows, got 0"),
        ({"instances": [ROW] * (MAX_ROWS + 1)}, "got 10,001"),
        ({"instances": [[1, 2]]}, "instance 1 must be an object with a value for each column, got a list"),
        (instances({}, {"paymnt_type": "Cash"}), "instance 2 must have .* alone, got 'paymnt_type': is 'payment_type'"),
        (instances({"x" * 90: 1}), "got 'x{40}…': they are fare, hour, payment_type, 회사$"),
        (without("hour"), "instance 1 must have every column .* but lacks 'hour'$"),
        ({"instances": [{"hour": 1}]}, "lacks 'fare' and 2 others$"),
        (instances({}, {"fare": "12.5"}), "column 'fare' of instance 2 must be a number or null, got text"),
        (instances({"fare": [1]}), "must be a number or null, got a list"),
        (instances({"payment_type": 3}), "column 'payment_type' of instance 1 must be text or null, got a number"),
        (instances({"payment_type": {"a": 1}}), "must be text or null, got an object"),
        (instances({"회사": "\ud800"}), "column '회사' of instance 1 must be UTF-8 text"),
        (instances({"payment_type": True}), "must be text or null, got a truth value"),
        (instances({"fare": 10**400}), "column 'fare' of instance 1 must fit into 64 bits"),
    ],
)
def test_other_v1_payloads_are_refused_with_instance_and_column(payload, reason):
    with pytest.raises(ValueError, match=reason):
        columns_from_instances(payload, TYPES)


@pytest.mark.parametrize(
    ("column", "datatype", "data", "wanted"),
    [
        ("fare", "FP64", [1.5, None], [1.5, None]),
        ("fare", "FP64", [float("nan"), float("inf")], [None, float("inf")]),
        ("fare", "FP64", np.array([1.5, np.nan]).tobytes(), [1.5, None]),
        ("fare", "FP32", np.array([1.5, -2], np.float32).tobytes(), [1.5, -2.0]),
        ("fare", "INT64", [1, 2], [1, 2]),
        ("fare", "BOOL", [True, False], [1, 0]),
        ("fare", "BOOL", b"\1\0", [1, 0]),
        ("hour", "INT32", np.array([1, -2], np.int32).tobytes(), [1, -2]),
        ("hour", "UINT8", np.array([1, 255], np.uint8).tobytes(), [1, 255]),
        ("hour", "FP64", [7.0, 7.5], [7.0, 7.5]),
        ("payment_type", "BYTES", ["Cash", None], ["Cash", None]),
        ("payment_type", "BYTES", [b"Cash", "택시".encode()], ["Cash", "택시"]),
        ("payment_type", "BYTES", struct.pack("<I", 2) + b"ab" + struct.pack("<I", 0), ["ab", None]),
    ],
)
def test_v2_inputs_become_columns_whatever_their_datatype(column, datatype, data, wanted):
    found = columns_from_tensors(inputs(2, **{column: (datatype, data)}), TYPES)

    assert found[column].to_pylist() == wanted
    assert list(found) == list(TYPES)


def test_v2_inputs_may_have_a_second_dimension_of_one():
    given = inputs(2)
    given[0] = Tensor(name="fare", datatype="FP64", shape=(2, 1), data=[[1.5], [2.5]])

    assert columns_from_tensors(given, TYPES)["fare"].to_pylist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fair": ("FP64", [1.0])}, "the request must have columns of the model alone, got 'fair': is 'fare' meant"),
        ({"fare": ("BYTES", ["1"])}, "datatype of input 'fare' must be one of BOOL, .*FP64, got 'BYTES'"),
        ({"fare": ("FP16", [1])}, "got 'FP16'"),
        ({"payment_type": ("INT64", [1])}, "datatype of input 'payment_type' must be one of BYTES, got 'INT64'"),
        ({"hour": ("INT64", [1.5])}, "column 'hour' of instance 1 must be a whole number for INT64, got a number"),
        ({"hour": ("BOOL", [1])}, "must be a truth value for BOOL"),
        ({"hour": ("FP64", [True])}, "must be a number for FP64, got a truth value"),
        ({"hour": ("FP64", ["1"])}, "must be a number for FP64, got text"),
        ({"hour": ("INT64", [1, 2])}, "as many values as its shape says, 1, got 2"),
        ({"hour": ("INT64", b"\0" * 7)}, "as long as its shape says, 8 bytes, got 7"),
        ({"payment_type": ("BYTES", [b"\xff"])}, "column 'payment_type' of instance 1 must be UTF-8 text"),
    ],
)
def test_other_v2_inputs_are_refused_with_a_reason(changes, reason):
    with pytest.raises(ValueError, match=reason):
        columns_from_tensors(inputs(**changes), TYPES)


def test_v2_inputs_are_one_a_column_with_one_number_of_rows():
    with pytest.raises(ValueError, match=r"the request must have every column .* but lacks '회사'"):
        columns_from_tensors(inputs()[:-1], TYPES)
    with pytest.raises(ValueError, match="lacks 'fare' and 3 others"):
        columns_from_tensors([], TYPES)
    with pytest.raises(ValueError, match="one a column, 4, got 5"):
        columns_from_tensors([*inputs(), inputs()[0]], TYPES)
    with pytest.raises(ValueError, match="one N, got 1 in 'fare' and 2 in '회사'"):
        columns_from_tensors([*inputs()[:-1], inputs(2)[-1]], TYPES)


KNOWN = ValueCleaning(missing=("?", "-1"))


def test_v1_texts_that_the_model_calls_missing_are_missing_in_any_column():
    rows = instances({"fare": " ? ", "hour": -1, "payment_type": "? ", "회사": " 택시"}, {})
    assert listed(columns_from_instances(rows, TYPES, KNOWN)) == {
        "fare": [None, 12.5],
        "hour": [None, 7],
        "payment_type": [None, "Cash"],
        "회사": ["택시", None],
    }
    with pytest.raises(ValueError, match="column 'fare' of instance 1 must be a number or null, got text"):
        columns_from_instances(instances({"fare": "??"}), TYPES, KNOWN)


def test_a_value_of_more_than_1_mb_is_refused_with_instance_and_column():
    fitting = {"payment_type": "x" * (1 << 20)}
    assert len(columns_from_instances(instances(fitting), TYPES)["payment_type"][0].as_py()) == 1 << 20
    for value in ("x" * ((1 << 20) + 1), "가" * 400_000):
        with pytest.raises(ValueError, match=r"column 'payment_type' of instance 2 must be at most 1 MB long, got 1,"):
            columns_from_instances(instances({}, {"payment_type": value}), TYPES)


REPAIRS = (
    Repair(column="Fahrpreis", rename="fare"),
    Repair(column="fare", scale=0.01),
    Repair(column="stunde", map={"noon": "12", "1": "13"}),
    Repair(column="stunde", rename="hour"),
    Repair(column="pay", rename="payment_type"),
    Repair(column="회사", date="%Y%m%d"),
    Repair(column="label", map={"a": "b"}),
)
RAW = {"Fahrpreis": 1250, "stunde": "noon", "pay": "Cash", "회사": "20241231"}


@pytest.fixture
def source_columns():
    return SourceColumns(TYPES, REPAIRS, KNOWN)


def repaired_v1(columns, *changes):
    rows = {"instances": [{**RAW, **change} for change in changes]}
    return columns.repaired(columns_from_instances(rows, columns.types, KNOWN, of_either=columns.of_either))


def test_clients_send_columns_as_they_were_before_their_repairs(source_columns):
    kinds = {"Fahrpreis": pa.float64(), "stunde": pa.string(), "pay": pa.string(), "회사": pa.string()}
    assert source_columns.types == kinds
    # Numbers may be mapped or read as dates, as those of a table are.
    changes = {}, {"Fahrpreis": None, "stunde": 1, "회사": 20250101}, {"Fahrpreis": -1, "stunde": " 7 ", "회사": " ? "}
    wanted = {
        "fare": [12.5, None, None],
        "hour": [12.0, 13.0, 7.0],
        "payment_type": ["Cash"] * 3,
        "회사": ["2024-12-31", "2025-01-01", None],
    }
    assert listed(repaired_v1(source_columns, *changes)) == wanted
    tensors = [
        as_tensor("Fahrpreis", "INT64", [1250, None, -1], 3),
        as_tensor("stunde", "BYTES", ["noon", "1", " 7 "], 3),
        as_tensor("pay", "BYTES", ["Cash"] * 3, 3),
        as_tensor("회사", "INT64", [20241231, 20250101, None], 3),
    ]
    columns = columns_from_tensors(tensors, source_columns.types, of_either=source_columns.of_either)
    assert listed(source_columns.repaired(columns)) == wanted


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"회사": "2024"}, "column '회사' of instance 2 must be a date of the form %Y%m%d, which its repair needs"),
        ({"stunde": "dusk"}, "column 'stunde' of instance 2 must be a number after its repair"),
        ({"stunde": True}, "column 'stunde' of instance 2 must be text or null, got a truth value"),
        ({"Fahrpreis": "12"}, "column 'Fahrpreis' of instance 2 must be a number or null, got text"),
        ({"fare": 12}, "instance 2 must have columns of the model alone, got 'fare'"),
    ],
)
def test_a_value_that_cannot_be_repaired_is_refused_with_instance_and_column(source_columns, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        repaired_v1(source_columns, {}, change)


def test_a_model_without_repairs_takes_its_own_columns():
    columns = SourceColumns(TYPES, (Repair(column="label", map={"a": "b"}),), KNOWN)
    assert (columns.types, columns.of_either) == (TYPES, frozenset())
