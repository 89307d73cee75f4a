from pathlib import Path

import pyarrow as pa
import pytest

from components.data_validation.arrow_lists import as_value_lists, ExaminedColumn
from components.data_validation.custom_validations import (
    CustomValidation,
    decidable_validations,
    read_custom_validations,
)
from components.data_validation.streaming_statistics import StatisticsAccumulator

CHECK = {"feature": "fare", "severity": "error", "description": "fares are small"}


def fares():
    accumulator = StatisticsAccumulator()
    batch = pa.RecordBatch.from_arrays([pa.array([1.5, 900.0]), pa.array(["a", "b"])], ["fare", "shop"])
    examined = [
        ExaminedColumn(name="fare", role="feature", kind="float"),
        ExaminedColumn(name="shop", role="feature", kind="category"),
    ]
    accumulator.add(as_value_lists(batch, examined))
    return accumulator.statistics(name="current")


def written(folder: Path, text: str, name: str = "checks.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_checks_are_read_from_yaml(tmp_path):
    text = """
validations:
  - feature: fare
    sql: feature.num_stats.max < 1000
    severity: error
    description: no fare is above 1,000 dollars
  - {feature: tip, sql: feature.num_stats.min >= 0, severity: warning, description: 팁, environments: [TRAINING]}
"""
    fare, tip = read_custom_validations(written(tmp_path, text))
    assert (fare.feature, fare.sql, fare.severity) == ("fare", "feature.num_stats.max < 1000", "error")
    assert tip.description == "팁"
    assert tip.applies("TRAINING")
    assert not tip.applies("SERVING")
    assert fare.applies("SERVING")


def test_checks_are_read_from_tfdvs_own_protobuf_text(tmp_path):
    text = """
feature_validations {
  feature_path { step: "fare" }
  validations { sql_expression: "feature.num_stats.max < 3" severity: WARNING description: "small" }
}
"""
    assert read_custom_validations(written(tmp_path, text, "checks.pbtxt")) == (
        CustomValidation(feature="fare", sql="feature.num_stats.max < 3", severity="warning", description="small"),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("validations: [", "must hold checks of columns"),
        ("checks: []", "the one key 'validations'"),
        ("validations: 3", "must be a list, got 3"),
        ("validations: [{feature: a, sql: b, severity: error}]", "validation 1 .* got no 'description'"),
        ("validations: [{feature: a, sql: b, severity: fatal, description: d}]", "warning or error, got 'fatal'"),
        ("validations: [{feature: a, sql: b, severity: error, description: d, why: e}]", "unknown key 'why'"),
        ("validations: [{feature: a, sql: '', severity: error, description: d}]", "sql must be text, got ''"),
        ("validations: [{feature: a, sql: b, severity: error, description: d, environments: 3}]", "must be a list"),
    ],
)
def test_a_mistake_in_the_file_names_the_file_and_the_check(tmp_path, text, words):
    with pytest.raises(ValueError, match=words) as caught:
        read_custom_validations(written(tmp_path, text))
    assert "checks.yaml" in str(caught.value)


def test_checks_of_pairs_of_columns_are_refused(tmp_path):
    with pytest.raises(ValueError, match="got pairs or slices"):
        read_custom_validations(written(tmp_path, "feature_pair_validations { }", "checks.pbtxt"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        read_custom_validations(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("feature.num_statz.max < 3", "num_statz"),
        ("feature.num_stats.max <", "Syntax error"),
        ("feature.num_stats.max", "non-bool"),
    ],
)
def test_a_wrong_expression_is_named_with_its_column(sql, words):
    with pytest.raises(ValueError, match=words) as caught:
        decidable_validations([CustomValidation(sql=sql, **CHECK)], fares())
    assert "'fare'" in str(caught.value)
    assert repr(sql) in str(caught.value)


def test_a_check_without_an_answer_is_set_aside_and_does_not_stop_the_others():
    answered = CustomValidation(sql="feature.num_stats.max < 3", **CHECK)
    of_text = CustomValidation(sql="feature.num_stats.max < 3", **{**CHECK, "feature": "shop"})
    of_nothing = CustomValidation(sql="feature.num_stats.max < 3", **{**CHECK, "feature": "gone"})
    assert decidable_validations([of_text, answered, of_nothing], fares()) == (answered,)
