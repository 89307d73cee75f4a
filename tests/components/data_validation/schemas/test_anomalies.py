import pyarrow as pa
import pytest

from components.data_validation.schemas.anomalies import anomaly_findings, Comparison, split_anomalies
from components.data_validation.schemas.materiality import Materiality
from components.data_validation.schemas.schema_inference import training_schema
from components.data_validation.statistics.feature_summaries import feature_summaries
from components.data_validation.statistics.streaming_statistics import StatisticsAccumulator
from components.data_validation.tables.arrow_lists import as_value_lists, ExaminedColumn
from components.shared.contracts.verdict import Finding


def kind_of(array: pa.Array) -> str:
    if pa.types.is_integer(array.type):
        return "integer"
    return "float" if pa.types.is_floating(array.type) else "category"


def as_array(values) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values)


def findings_of(train: dict, test: dict, *, role: str = "feature", whole_groups: bool = False) -> list[Finding]:
    statistics = {}
    for split, columns in {"train": train, "test": test}.items():
        arrays = {
            name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()
        }
        examined = [ExaminedColumn(name=name, role="feature", kind=kind_of(array)) for name, array in arrays.items()]
        accumulator = StatisticsAccumulator()
        accumulator.add(as_value_lists(pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)), examined))
        statistics[split] = accumulator.statistics(name=split)
    comparison = Comparison(
        current_name="the test split",
        reference=feature_summaries(statistics["train"]),
        current=feature_summaries(statistics["test"]),
        roles=dict.fromkeys(train, role),
        num_comparisons=len(train),
        whole_groups=whole_groups,
        materiality=Materiality(),
    )
    return anomaly_findings(split_anomalies(statistics["test"], training_schema(statistics["train"])), comparison)


def test_the_same_data_on_both_sides_has_no_findings():
    columns = {"age": [1, 2, 3] * 50, "shop": ["a", "b", None] * 50}
    assert findings_of(columns, columns) == []


def test_values_outside_the_training_range_are_no_finding():
    assert findings_of({"price": [1.0, 2.0] * 50}, {"price": [-1e9, 1e9]}) == []


def test_a_new_category_in_many_rows_blocks_and_is_named_with_its_count():
    (finding,) = findings_of({"shop": ["a", "b"] * 100}, {"shop": ["a"] * 80 + ["zoo"] * 20})
    assert (finding.kind, finding.severity, finding.column) == ("schema_drift", "blocking", "shop")
    assert finding.name == "ENUM_TYPE_UNEXPECTED_STRING_VALUES"
    assert "'zoo' (20)" in finding.message
    assert finding.value == pytest.approx(0.2)


def test_one_row_of_a_rare_category_is_a_note():
    (finding,) = findings_of({"format": ["jpeg", "webp"] * 35}, {"format": ["jpeg"] * 14 + ["png"]}, role="derived")
    assert finding.severity == "note"


def test_many_categories_of_one_row_each_are_a_note():
    train = {"company": [f"c{number}" for number in range(60)] + ["big"] * 340}
    test = {"company": [f"d{number}" for number in range(12)] + ["big"] * 76}
    (finding,) = findings_of(train, test)
    assert finding.severity == "note"
    assert "and 7 more" in finding.message


def test_a_class_that_training_never_saw_blocks_even_in_one_row():
    train, test = {"label": ["cat", "dog"] * 50}, {"label": ["cat"] * 99 + ["bird"]}
    (finding,) = findings_of(train, test, role="label")
    assert finding.severity == "blocking"
    assert "'bird' (1)" in finding.message


def test_a_new_category_in_a_split_of_whole_groups_is_a_warning():
    (finding,) = findings_of({"hospital": ["a", "b"] * 100}, {"hospital": ["c"] * 50}, whole_groups=True)
    assert finding.severity == "warning"


def test_a_word_beside_true_and_false_is_judged_like_a_category():
    (finding,) = findings_of({"paid": ["true", "false"] * 100}, {"paid": ["true"] * 50 + ["perhaps"] * 50})
    assert (finding.name, finding.severity) == ("BOOL_TYPE_UNEXPECTED_STRING", "blocking")


def test_one_missing_value_where_training_has_none_is_a_note():
    (finding,) = findings_of({"age": [1, 2] * 500}, {"age": [1] * 199 + [None]})
    assert (finding.kind, finding.severity) == ("quality", "note")
    assert finding.name == "FEATURE_TYPE_LOW_FRACTION_PRESENT"


def test_a_feature_that_is_missing_from_half_of_the_test_rows_blocks():
    (finding,) = findings_of({"age": [1, 2] * 500}, {"age": [1, None] * 100})
    assert (finding.kind, finding.severity, finding.column) == ("quality", "blocking", "age")
    assert "100 of 200" in finding.message


def test_a_jump_of_missing_values_that_tfdv_passes_over_is_found():
    (finding,) = findings_of({"age": [1, 2, 3, None] * 250}, {"age": [1, None, None, None] * 50})
    assert (finding.name, finding.severity) == ("MISSING_SHARE_CHANGED", "blocking")
    assert finding.value == pytest.approx(0.5)


def test_a_column_that_training_fills_once_in_a_thousand_may_be_empty_in_test():
    train = {"tract": pa.array([1.0] + [None] * 999)}
    (finding,) = findings_of(train, {"tract": pa.array([None] * 200, pa.float64())})
    assert (finding.name, finding.severity) == ("FEATURE_TYPE_NOT_PRESENT", "note")


def test_a_column_that_training_never_fills_may_not_be_full_in_test():
    (finding,) = findings_of({"tract": pa.array([None] * 500, pa.float64())}, {"tract": [1.0] * 100})
    assert finding.severity == "blocking"


@pytest.mark.parametrize(
    ("train", "test"),
    [([1, 2, 3] * 30, ["1", "2", "3"] * 10), ([1, 2, 3] * 30, [1.5, 2.5] * 10), (["a", "b"] * 30, [1, 2] * 10)],
    ids=["int to text", "int to float", "text to int"],
)
def test_a_changed_type_blocks(train, test):
    findings = findings_of({"age": train}, {"age": test})
    assert any(finding.kind == "schema_drift" and finding.severity == "blocking" for finding in findings)
    assert {finding.column for finding in findings} == {"age"}


def test_a_column_that_is_gone_blocks_and_a_new_one_warns():
    findings = findings_of({"age": [1, 2], "shop": ["a", "b"]}, {"age": [1, 2], "till": ["a", "b"]})
    assert {(finding.column, finding.name, finding.severity) for finding in findings} == {
        ("shop", "SCHEMA_MISSING_COLUMN", "blocking"),
        ("till", "SCHEMA_NEW_COLUMN", "warning"),
    }


def test_a_long_value_is_shortened_in_the_message():
    (finding,) = findings_of({"shop": ["a", "b"] * 100}, {"shop": ["x" * 5000] * 50})
    assert len(finding.message) < 400
