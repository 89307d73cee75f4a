"""One resolver decides who takes part as what."""

import numpy as np
import pyarrow as pa
import pytest

from components.shared.contracts.problem import parse_problem, Problem
from components.shared.tables.column_roles import resolve_roles
from tests.role_tables import RoleTable, TABLES

ROWS = 200
RNG = np.random.default_rng(0)


def resolved(problem: str = "", **columns):
    arrays = {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    return resolve_roles(arrays, parse_problem(problem), where="t.csv")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_columns_of_twelve_tables_have_their_roles(table: RoleTable):
    found = resolved(table.problem, **table.columns)
    assert {name: set(roles) for name, roles in found.roles.items()} == {
        name: set(roles.split()) for name, roles in table.roles.items()
    }
    if table.label is not None:
        assert found.label == table.label


def test_what_was_recognised_is_said_once_with_its_reason():
    found = resolved(label=["a", "b"] * 100, trip_id=RNG.permutation(10**6)[:ROWS], fare=RNG.random(ROWS))
    assert found.inferred == (
        "the label is the column 'label'",
        "'trip_id' is no feature: it looks like an identifier; name it under features if it is none",
    )


def test_what_is_declared_is_not_said():
    assert resolved("label: {column: y}", x=[0.5], y=["a"]).inferred == ()


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        ("ignore: [x]\nfeatures: [x]", "must not both ignore 'x' of t.csv and name it under features"),
        ("ignore: [y]\nlabel: {column: y}", "must not both ignore 'y' of t.csv and name it under label.column"),
        ("features: [y]\nlabel: {column: y}", "must not name 'y' of t.csv under label.column and under features"),
        ("group: z", "must name columns of t.csv, got 'z'; there are x, y"),
        ("label: {expression: z > 1}", "must name columns of t.csv, got 'z'; there are x, y"),
    ],
)
def test_a_problem_file_that_contradicts_itself_or_the_table_is_one_sentence(problem, sentence):
    with pytest.raises(ValueError, match=sentence):
        resolved(problem, x=[0.5], y=["a"])


def test_a_label_is_not_recognised_in_a_column_that_the_problem_file_names_otherwise():
    for told in ("pii: [label]", "group: label", "features: [label]", "slices: [label]", "id: label"):
        assert resolved(told, label=["a", "b"], x=[0.5, 1.5]).label is None


def test_where_the_label_comes_from_is_carried_on():
    assert resolved(x=[0.5], target=["a"]).label_definition == {"column": "target"}
    assert resolved("label: {expression: x > 1}", x=[0.5], y=[1]).label_definition == {"expression": "x > 1"}
    assert resolve_roles({"x": pa.array([0.5])}, Problem(), where="t.csv").label_definition == {}


def test_few_rows_are_judged_by_their_names_and_types_alone():
    found = resolved(label=["a", "b"], row=[1, 2], when=pa.array([0, 1], pa.timestamp("us")), Id=[7, 8])
    assert {name: set(roles) for name, roles in found.roles.items()} == {
        "label": {"label"},
        "row": {"feature"},
        "when": {"time"},
        "Id": {"id"},
    }


def test_roles_are_json_in_a_fixed_order():
    found = resolved("slices: [shop]", shop=["n", "s"], label=["a", "b"])
    assert found.to_dict() == {"shop": ["feature", "slice"], "label": ["label"]}


MOBILES = RNG.integers(1_020_000_000, 1_099_999_999, ROWS)


@pytest.mark.parametrize("told", ["", "features: [x, mobile]", "slices: [mobile]", "id: mobile", "group: mobile"])
def test_numbers_that_are_telephones_are_personal_data_and_no_feature(told):
    found = resolved(told, x=RNG.random(ROWS), mobile=MOBILES, label=["a", "b"] * 100)
    assert "pii" in found.roles["mobile"]
    assert "feature" not in found.roles["mobile"]
    assert any("'mobile'" in said and "write `pii: {mobile: keep}` if it does not" in said for said in found.inferred)


def test_a_kept_column_has_the_roles_that_it_would_have():
    columns = {"mobile": MOBILES, "note": ["a", "b"] * 100, "label": ["a", "b"] * 100}
    found = resolved("pii: {mobile: keep, note: keep, label: keep}\nslices: [note]", **columns)
    assert found.roles["mobile"] == {"feature"}
    assert found.roles["note"] == {"slice", "feature"}
    assert found.label == "label"


def test_what_is_told_to_be_a_time_or_the_label_is_no_telephone():
    assert resolved("time: mobile", mobile=MOBILES, x=RNG.random(ROWS)).roles["mobile"] == {"time"}
    assert resolved(label=MOBILES, x=RNG.random(ROWS)).roles["label"] == {"label"}


def test_a_kept_column_is_not_ignored_too():
    with pytest.raises(ValueError, match=r"must not both ignore 'x' of t\.csv and name it under pii"):
        resolved("ignore: [x]\npii: {x: keep}", x=[0.5], y=["a"])
