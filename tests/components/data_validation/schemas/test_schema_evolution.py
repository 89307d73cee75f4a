import pyarrow as pa
import pytest

from components.data_validation.schemas.schema_evolution import evolved_schema
from components.data_validation.schemas.schema_inference import schema_text, training_schema
from components.data_validation.schemas.schema_validation import validate_against_schema
from components.data_validation.statistics.streaming_statistics import StatisticsAccumulator
from components.data_validation.tables.arrow_lists import as_value_lists, ExaminedColumn, MASKED

OLD = {"age": [1, 2, 3] * 10, "fare": [1.5, 2.5, 3.5] * 10, "shop": ["a", "b", "a"] * 10}


def statistics_of(columns: dict, *, masked: tuple[str, ...] = ()):
    arrays = {name: pa.array(values) for name, values in columns.items()}
    kinds = {
        name: {"int64": "integer", "double": "float"}.get(str(array.type), "category") for name, array in arrays.items()
    }
    kinds |= dict.fromkeys(masked, "masked")
    examined = [ExaminedColumn(name=name, role="feature", kind=kind) for name, kind in kinds.items()]
    accumulator = StatisticsAccumulator()
    accumulator.add(as_value_lists(pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)), examined))
    return accumulator.statistics(name="current")


@pytest.fixture
def old():
    return training_schema(statistics_of(OLD), label="shop")


def test_data_that_fit_change_nothing(old):
    proposal, differences = evolved_schema(old, statistics_of(OLD))
    assert proposal == old
    assert differences == ()


def test_the_proposal_is_what_newer_data_fit(old):
    newer = statistics_of({"age": [1, None, 3] * 10, "tip": [1.0] * 30, "shop": ["a", "b", "zoo"] * 10})
    proposal, differences = evolved_schema(old, newer)
    anomalies, findings = validate_against_schema(newer, proposal, environment="TRAINING")
    assert (list(anomalies.anomaly_info), findings) == ([], ())
    assert {(item.column, item.what) for item in differences} == {
        ("age", "presence_loosened"),
        ("age", "shape_loosened"),
        ("fare", "column_gone"),
        ("shop", "values_added"),
        ("tip", "column_new"),
    }


def test_the_old_schema_is_left_as_it_was(old):
    before = schema_text(old)
    evolved_schema(old, statistics_of({**OLD, "shop": ["zoo"] * 30}))
    assert schema_text(old) == before


def test_a_column_of_another_type_is_proposed_with_its_new_type_and_still_checked(old):
    newer = statistics_of({**OLD, "age": ["young", "old", "old"] * 10, "shop": [1, 2, 3] * 10})
    proposal, differences = evolved_schema(old, newer)
    assert [(item.column, item.what) for item in differences] == [("age", "type_changed"), ("shop", "type_changed")]
    assert list(next(item for item in proposal.string_domain if item.name == "age").value) == ["old", "young"]
    assert list(proposal.feature[2].not_in_environment) == ["SERVING"]
    anomalies, _ = validate_against_schema(statistics_of(OLD), proposal, environment="TRAINING")
    assert sorted(anomalies.anomaly_info) == ["age", "shop"]


def test_no_rows_propose_nothing(old):
    empty = StatisticsAccumulator().statistics(name="current")
    assert evolved_schema(old, empty) == (old, ())


def test_a_masked_column_is_proposed_without_its_values(old):
    newer = statistics_of({**OLD, "phone": ["010-1", "010-2", "010-3"] * 10}, masked=("phone",))
    proposal, _ = evolved_schema(old, newer, masked=["phone"])
    assert "phone" in schema_text(proposal)
    assert MASKED not in schema_text(proposal)
    assert "010" not in schema_text(proposal)
