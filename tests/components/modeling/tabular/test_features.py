"""Rows of a table as numbers and codes."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pyarrow as pa
import pytest
import torch

from components.modeling.tabular.features import fit_tabular_features, tabular_features_from
from components.shared.runtime.errors import ContractError
from components.shared.tables.value_cleaning import ValueCleaning

ROWS = 40
TRIPS = {
    "miles": pa.array([None, *np.linspace(0, 20, ROWS - 1)], pa.float64()),
    "hour": pa.array([number % 24 for number in range(ROWS)], pa.int64()),
    "paid": pa.array([("card", "cash", None, "card")[number % 4] for number in range(ROWS)], pa.string()),
    "start": pa.array([f"2014-05-{1 + number % 28:02} 12:00:00" for number in range(ROWS)], pa.string()),
    "trip": pa.array([f"trip {number}" for number in range(ROWS)], pa.string()),
    "city": pa.array(["Chicago"] * ROWS, pa.string()),
    "tract": pa.nulls(ROWS, pa.string()),
    "version": pa.array([2] * ROWS, pa.int64()),
}


def fitted(columns, batch_rows=11):
    rows = len(next(iter(columns.values())))
    batches = (
        {name: values.slice(start, batch_rows) for name, values in columns.items()}
        for start in range(0, rows, batch_rows)
    )
    return fit_tabular_features(batches, {name: values.type for name, values in columns.items()})


def rows_of(columns, start, stop):
    return {name: values.slice(start, stop - start) for name, values in columns.items()}


@pytest.fixture(scope="module")
def features():
    return fitted(TRIPS)


def test_every_column_has_its_reading(features):
    readings = {reading.name: reading.reading for reading in features.readings}
    assert readings == {
        "miles": "number",
        "hour": "number",
        "paid": "category",
        "start": "time",
        "trip": "constant",
        "city": "constant",
        "tract": "constant",
        "version": "constant",
    }
    assert features.columns == tuple(TRIPS)
    assert features.column_types["version"] == pa.int64()
    assert features.column_types["tract"] == pa.string()


def test_inputs_are_of_the_types_and_shapes_that_are_told(features):
    inputs = features.prepare(TRIPS)
    for name, spec in features.input_specs.items():
        assert inputs[name].dtype == np.dtype(spec.dtype)
        assert inputs[name].shape == (ROWS, *spec.shape)
    # Miles, hour, seconds and weekday of the start (all begin at noon), and whether miles are missing.
    assert inputs["numbers"].shape[1] == len(features.knots) == 5
    assert features.num_codes == (4,)


def test_missing_numbers_are_marked_and_missing_categories_have_a_code(features):
    inputs = features.prepare(TRIPS)
    assert inputs["numbers"][:3, -1].tolist() == [1, 0, 0]
    assert inputs["numbers"][0, 0] == 0
    codes = inputs["categories"][:, 0]
    assert codes[0] == codes[3] == 1
    assert len({*codes.tolist()}) == 3
    assert 0 not in codes


def test_a_row_alone_is_prepared_as_among_others(features):
    together = features.prepare(TRIPS)
    for row in (0, 2, 39):
        alone = features.prepare(rows_of(TRIPS, row, row + 1))
        for name, values in together.items():
            np.testing.assert_array_equal(alone[name], values[row : row + 1])


TEXTS = st.none() | st.text(max_size=5) | st.sampled_from(["card", " cash ", "e\u0301", "\u1112\u1161\u11ab", "한"])
DATES = st.none() | st.sampled_from(["2014-05-03 12:00:00", "2014/05/03", " 2014-05-03", "2014-13-01", "card"])


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    values=st.fixed_dictionaries(
        {
            "miles": st.none() | st.floats(),
            "hour": st.none() | st.integers(-(2**53), 2**53),
            "paid": TEXTS,
            "start": DATES,
            "trip": TEXTS,
            "city": TEXTS,
            "tract": TEXTS,
            "version": st.none() | st.integers(0, 3),
        }
    )
)
def test_any_row_alone_is_prepared_as_among_many(features, values):
    alone = {name: pa.array([value], TRIPS[name].type) for name, value in values.items()}
    among_many = {name: pa.concat_arrays([TRIPS[name], value]) for name, value in alone.items()}
    together = features.prepare(among_many)
    for name, prepared in features.prepare(alone).items():
        np.testing.assert_array_equal(prepared, together[name][-1:])


def test_the_size_of_the_batches_does_not_change_what_is_fitted(features):
    assert fitted(TRIPS, batch_rows=3).to_dict() == features.to_dict()


def test_what_training_has_not_seen_is_unknown_and_no_error(features):
    row = {**rows_of(TRIPS, 5, 6), "paid": pa.array(["bitcoin"]), "hour": pa.array([None], pa.int64())}
    row["miles"] = pa.array([float("inf")])
    row["start"] = pa.array(["yesterday"])
    inputs = features.prepare(row)
    assert inputs["categories"].tolist() == [[0]]
    assert inputs["numbers"].tolist() == [[0, 0, 0, 0, 1]]


def test_no_rows_give_no_inputs(features):
    inputs = features.prepare(rows_of(TRIPS, 0, 0))
    assert inputs["numbers"].shape == (0, 5)
    assert inputs["categories"].shape == (0, 1)


def test_other_columns_are_ignored(features):
    with_more = {**TRIPS, "driver": pa.array(["Kim"] * ROWS)}
    np.testing.assert_array_equal(features.prepare(with_more)["numbers"], features.prepare(TRIPS)["numbers"])


def test_a_network_gets_floats_and_long_integers(features):
    inputs = {name: torch.from_numpy(values) for name, values in features.prepare(TRIPS).items()}
    numbers_BF, categories_BC = features.tensors(inputs)
    assert numbers_BF.dtype == torch.float32
    assert categories_BC.dtype == torch.int64


def test_features_survive_being_written(features):
    again = tabular_features_from(json.loads(json.dumps(features.to_dict())))
    assert again.to_dict() == features.to_dict()
    for name, values in features.prepare(TRIPS).items():
        np.testing.assert_array_equal(again.prepare(TRIPS)[name], values)


def test_all_types_of_numbers_are_numbers(features):
    row = rows_of(TRIPS, 5, 6)
    expected = features.prepare({**row, "hour": pa.array([1], pa.int64())})["numbers"]
    for kind in (pa.int8(), pa.uint64(), pa.float32(), pa.bool_(), pa.decimal128(21, 2)):
        found = features.prepare({**row, "hour": pa.array([1]).cast(kind)})["numbers"]
        np.testing.assert_array_equal(found, expected)


def test_whole_numbers_beyond_53_bits_are_read():
    features = fitted({"key": pa.array([2**62 + number for number in range(0, 10**6, 1000)], pa.int64())})
    assert features.prepare({"key": pa.array([2**63 - 1])})["numbers"].shape == (1, 1)


def test_truth_values_and_whole_numbers_among_texts_are_read_as_ingestion_writes_them():
    columns = {"flag": pa.array(["true", "false"] * 6), "code": pa.array(["1", "2"] * 6)}
    features = fitted(columns)
    expected = features.prepare(columns)["categories"][:2]
    row = {"flag": pa.array([True, False]), "code": pa.array([1.0, 2.0])}
    np.testing.assert_array_equal(features.prepare(row)["categories"], expected)


def test_a_table_of_categories_alone_has_no_numbers():
    features = fitted({"paid": TRIPS["paid"]})
    assert features.input_specs["numbers"].shape == (0,)
    assert features.prepare({"paid": pa.array(["cash"])})["numbers"].shape == (1, 0)


def test_a_table_of_numbers_alone_has_no_categories():
    features = fitted({"hour": TRIPS["hour"]})
    assert features.input_specs["categories"].shape == (0,)
    assert features.prepare({"hour": pa.array([3])})["categories"].shape == (1, 0)


def test_a_column_that_only_sometimes_lacks_its_one_value_says_when():
    features = fitted({"seen": pa.array([1.0, None] * 10)})
    assert features.prepare({"seen": pa.array([1.0, None])})["numbers"].tolist() == [[0], [1]]


def test_wide_tables_get_fewer_knots_a_number():
    generator = np.random.default_rng(0)
    columns = {f"x{number}": pa.array(generator.normal(size=200)) for number in range(1000)}
    assert max(map(len, fitted(columns, batch_rows=200).knots)) == 9


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hour": None}, "must have 'hour', got miles"),
        ({"hour": pa.array([None, "noon"])}, "'hour' must hold numbers, got string in row 2"),
        ({"hour": pa.array([b"x", b"y"])}, "'hour' must hold numbers, got binary in row 1"),
        ({"hour": pa.array([1])}, "must have 2 rows each, got 1 in 'hour'"),
    ],
)
def test_columns_that_cannot_be_used_are_refused(features, changes, reason):
    columns = {name: values for name, values in {**rows_of(TRIPS, 0, 2), **changes}.items() if values is not None}
    with pytest.raises(ValueError, match=reason):
        features.prepare(columns)


def test_a_table_in_which_nothing_differs_is_refused():
    with pytest.raises(ValueError, match="must differ between training rows, but none does, of city, tract"):
        fitted({"city": TRIPS["city"], "tract": TRIPS["tract"]})


def test_a_column_of_lists_is_refused():
    with pytest.raises(ValueError, match="'tags' must hold numbers, texts"):
        fitted({"tags": pa.array([["a"], ["b"]])})


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"columns": [{"name": "a"}]},
        {"columns": [{"name": "a", "kind": "date", "reading": "number", "scales": [], "values": []}]},
        {"columns": [{"name": "a", "kind": "int64", "reading": "number", "scales": [], "values": []}]},
        {"columns": [{"name": "a", "kind": "string", "reading": "category", "scales": [], "values": [1]}]},
        {"columns": [{"name": "a", "kind": "string", "reading": "constant", "scales": [], "values": []}] * 2},
    ],
)
def test_settings_that_cannot_be_used_are_refused(content):
    with pytest.raises(ContractError, match="preprocessing must have columns"):
        tabular_features_from(content)


def test_blanks_and_what_is_missing_make_no_difference_and_travel_with_the_settings():
    columns = {name: TRIPS[name] for name in ("miles", "paid")}
    features = fit_tabular_features(
        [columns], {name: values.type for name, values in columns.items()}, ValueCleaning(missing=("?", "-1"))
    )
    again = tabular_features_from(json.loads(json.dumps(features.to_dict())))
    written = {"miles": pa.array([3.0, 3.0, -1.0]), "paid": pa.array([" card", "card\u00a0", " ? "])}
    plain = {"miles": pa.array([3.0, 3.0, None]), "paid": pa.array(["card", "card", None])}
    for found in (features, again):
        for name, values in found.prepare(written).items():
            np.testing.assert_array_equal(values, features.prepare(plain)[name])
    assert again.to_dict() == features.to_dict()


def test_settings_of_a_bundle_from_before_keep_what_they_were_trained_on():
    columns = {"paid": pa.array([" card", "card", None, "cash"] * 10)}
    kept = fit_tabular_features([columns], {"paid": pa.string()}, ValueCleaning(keep_spaces=True))
    before = {"columns": kept.to_dict()["columns"]}
    codes = tabular_features_from(before).prepare({"paid": pa.array([" card", "card"])})["categories"]
    assert codes[0] != codes[1]
    assert tabular_features_from(before).to_dict() == kept.to_dict()


@pytest.mark.parametrize("change", [{"keep_spaces": "no"}, {"missing": "?"}])
def test_other_settings_of_cleaning_are_refused(features, change):
    with pytest.raises(ContractError, match="preprocessing must have columns"):
        tabular_features_from({**features.to_dict(), **change})


def test_personal_data_are_no_categories_unless_they_are_kept():
    columns = {
        "x": pa.array([float(number) for number in range(40)]),
        "contact": pa.array(["a@b.io", "010-1234-5678", "shop", "web"] * 10),
    }
    types = {name: values.type for name, values in columns.items()}
    hidden, kept = fit_tabular_features([columns], types), fit_tabular_features([columns], types, kept=["contact"])
    assert {*hidden.readings[1].values} == {"shop", "web"}
    assert {*kept.readings[1].values} == {"a@b.io", "010-1234-5678", "shop", "web"}
    codes = hidden.prepare(columns)["categories"][:4, 0].tolist()
    assert codes[:2] == [0, 0]
    assert min(codes[2:]) > 0
