"""A team's own feature function: the same columns for training and serving, checked, and only where it is allowed."""

import sys

import numpy as np
import pyarrow as pa
import pytest

from components.modeling.custom_features import CustomCodeError, CustomFeatures, Derivation
from components.modeling.features import base_features, features_from
from components.modeling.tabular.features import fit_tabular_features
from components.shared.runtime.custom_code import ALLOWED_VARIABLE
from components.shared.runtime.errors import ContractError
from components.shared.tables.value_cleaning import ValueCleaning

CODE = """
import pyarrow as pa
import pyarrow.compute as pc

def speed(columns, options):
    hours = pc.divide(columns["seconds"], options.get("seconds_per_hour", 3600.0))
    return {"speed": pc.divide(columns["miles"], hours), "area": columns["area"]}

def kinds(columns, options):
    return {"kind": pa.array([str(column.type) for column in columns.values()][:1] * len(columns["miles"]))}

def short(columns, options):
    return {"speed": [1.0]}

def nothing(columns, options):
    return None

def refusing(columns, options):
    raise ValueError("no such trip")

def failing(columns, options):
    raise KeyError("fare")
"""
TYPES = {"miles": pa.float64(), "seconds": pa.int64(), "area": pa.string()}
ROWS = {
    "miles": pa.array([1.0, 2.0, 3.0, 6.0] * 10),
    "seconds": pa.array([360, 360, 720, 900] * 10, pa.int64()),
    "area": pa.array(["north", "south", "north", "south"] * 10),
    "unused": pa.array([0] * 40),
}


@pytest.fixture(autouse=True)
def allowed(tmp_path, monkeypatch):
    """A module of a team's, whose functions may be named."""
    (tmp_path / "team_columns.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "team_columns", raising=False)
    names = ("speed", "kinds", "short", "nothing", "failing", "refusing")
    monkeypatch.setenv(ALLOWED_VARIABLE, ",".join(f"team_columns:{name}" for name in names))


def fitted(options=None):
    derive = Derivation("team_columns:speed", options or {}, TYPES)
    derived = derive(ROWS)
    base = fit_tabular_features([derived], {name: column.type for name, column in derived.items()})
    return CustomFeatures("team_columns:speed", options or {}, TYPES, base)


def test_features_are_those_of_the_derived_columns():
    features = fitted()
    assert features.columns == ("miles", "seconds", "area")
    assert features.column_types == TYPES
    by_hand = features.base.prepare({"speed": pa.array([10.0, 24.0]), "area": pa.array(["north", "south"])})
    prepared = features.prepare(
        {"miles": pa.array([1.0, 6.0]), "seconds": pa.array([360, 900]), "area": pa.array(["north", "south"])}
    )
    for name, values in by_hand.items():
        np.testing.assert_array_equal(prepared[name], values)


def test_a_function_sees_the_same_numbers_in_training_as_in_a_request():
    derive = Derivation("team_columns:kinds", {}, {"miles": pa.int64()})
    stored = derive({"miles": pa.array([1, 2], pa.int64())})
    requested = derive({"miles": pa.array([1.0, 2.0], pa.float64())})
    assert stored["kind"].to_pylist() == requested["kind"].to_pylist() == ["double", "double"]


def test_features_read_again_prepare_the_same(tmp_path):
    features = fitted({"seconds_per_hour": 60.0})
    again = features_from("tabular", features.to_dict(), tmp_path)
    assert again.to_dict() == features.to_dict()
    assert again.column_types == TYPES
    for name, values in features.prepare(ROWS).items():
        np.testing.assert_array_equal(again.prepare(ROWS)[name], values)
    assert base_features(again).to_dict() == features.base.to_dict()
    assert base_features(features.base) is features.base


def test_a_function_sees_values_cleaned_as_at_ingestion():
    derive = Derivation("team_columns:speed", {}, TYPES)
    base = fit_tabular_features(
        [derive(ROWS)], {"speed": pa.float64(), "area": pa.string()}, ValueCleaning(missing=("-1",))
    )
    features = CustomFeatures("team_columns:speed", {}, TYPES, base)
    plain = {"miles": pa.array([1.0, None]), "seconds": pa.array([360, 900]), "area": pa.array(["north", None])}
    spaced = {"miles": pa.array([1.0, -1.0]), "seconds": pa.array([360, 900]), "area": pa.array([" north", "-1 "])}
    for name, values in features.prepare(plain).items():
        np.testing.assert_array_equal(features.prepare(spaced)[name], values)


def test_a_bundle_cannot_name_a_function_that_is_not_allowed(monkeypatch, tmp_path):
    content = fitted().to_dict()
    monkeypatch.setenv(ALLOWED_VARIABLE, "team_columns:other")
    with pytest.raises(ValueError, match=r"set PLUSZERO_OWN_CODE=team_columns:speed .*; it is team_columns:other"):
        features_from("tabular", content, tmp_path)


@pytest.mark.parametrize(
    ("function", "columns", "message"),
    [
        ("short", ROWS, "'speed' of the feature function team_columns:short must have a value a row, 40, got 1"),
        ("nothing", ROWS, "team_columns:nothing must return columns by name, got NoneType"),
        ("failing", ROWS, "team_columns:failing failed: KeyError$"),
    ],
)
def test_what_a_function_does_wrong_is_said_with_its_name(function, columns, message):
    with pytest.raises(CustomCodeError, match=message):
        Derivation(f"team_columns:{function}", {}, TYPES)(columns)


def test_what_is_wrong_with_the_examples_is_no_fault_of_the_code(caplog):
    with pytest.raises(ContractError, match="the columns must have 'seconds', got miles"):
        Derivation("team_columns:speed", {}, TYPES)({"miles": pa.array([1.0])})
    with pytest.raises(ValueError, match="no such trip"):
        Derivation("team_columns:refusing", {}, TYPES)(ROWS)
    assert not caplog.records


def test_a_function_that_leaves_out_what_follows_needs_is_said():
    features = CustomFeatures("team_columns:kinds", {}, TYPES, fitted().base)
    with pytest.raises(CustomCodeError, match="team_columns:kinds must return the column 'speed', got kind"):
        features.prepare(ROWS)


def test_settings_of_another_form_are_refused(tmp_path):
    content = fitted().to_dict()
    for broken in ({**content, "columns": {"miles": "list"}}, {key: content[key] for key in ("kind", "base")}):
        with pytest.raises(ContractError, match="must have function, options, columns and base"):
            features_from("tabular", broken, tmp_path)
