import json

import pyarrow as pa
import pytest

from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.pinned_slices import PinnedSlice, SliceColumns
from components.shared.contracts.problem import parse_problem, Problem
from components.shared.runtime.errors import ContractError

DARK = PinnedSlice(name="dark photos", where="brightness < 0.2")


def test_columns_and_pinned_slices_stand_in_one_list():
    problem = parse_problem("slices: [shop, 7, {name: dark photos, where: brightness < 0.2}]")
    assert problem.slices == SliceColumns(["shop", "7"], [DARK])
    assert "shop" in problem.slices
    assert problem.named_columns() == ("shop", "7")


def test_a_problem_with_pinned_slices_survives_json():
    problem = Problem(slices=SliceColumns(["shop"], [DARK]))
    assert parse_problem(json.dumps(problem.to_dict())) == problem
    assert problem != Problem(slices=SliceColumns(["shop"]))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("slices: shop", "slices must be a list of names, or of {name: dark photos"),
        ("slices: [{name: a}]", "slices must be a list of names"),
        ("slices: [{name: a, where: x <}]", "slices.where 'x <' must be a condition over columns"),
        ("slices: [{name: a, where: x}]", "it must be a condition, such as brightness < 0.2"),
        ("slices: [{name: ' ', where: x < 1}]", "must give a pinned slice a name, got an empty one"),
        ("slices: [{name: a, where: x < 1}, {name: a, where: x < 2}]", "must not pin two slices of one name, got 'a'"),
    ],
)
def test_a_slice_that_cannot_be_pinned_is_one_sentence(written, message):
    with pytest.raises(ContractError, match=message.replace("{", r"\{")):
        parse_problem(written)


def table(path, *, pinned, roles="feature"):
    columns = {
        "example_id": pa.array(["e0"]), "split": pa.array(["test"]), "label": pa.array(["a"]), "x": pa.array([1.0]),
    }  # fmt: skip
    info = ExampleTableInfo(
        modality="tabular", class_names=("a",), column_roles={"x": roles}, pinned_slices=(pinned,)
    )  # fmt: skip
    with ExampleTableWriter(path, info, extra_columns={"x": pa.float64()}) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return ExampleTable(path)


def test_an_example_table_carries_its_pinned_slices(tmp_path):
    small = PinnedSlice(name="small", where="x < 2")
    assert table(tmp_path, pinned=small).info.pinned_slices == (small,)


def test_a_condition_on_a_column_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ContractError, match=r"condition of 'dark photos' must be over columns .* got 'brightness'"):
        table(tmp_path, pinned=DARK)


def test_a_condition_on_personal_data_is_refused(tmp_path):
    with pytest.raises(ContractError, match="must name no column of personal data, got 'x'"):
        table(tmp_path, pinned=PinnedSlice(name="one", where="x == 1"), roles="pii")
