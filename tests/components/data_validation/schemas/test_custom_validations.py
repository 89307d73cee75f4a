from pathlib import Path

import pytest

from components.data_validation.schemas.custom_validations import (
    CustomValidation,
    read_custom_validations,
    validation_outcomes,
)
from tests.components.data_validation.schemas.tfdv_sql import fares

CHECK = {"feature": "fare", "severity": "error", "description": "fares are small"}


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


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        read_custom_validations(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("feature.num_statz.max < 3", "'num_statz' is no field of FeatureNameStatistics, which has .*string_stats"),
        ("feature.num_stats.max <", "got the end of the expression"),
        ("feature.num_stats.max", "it gives a number"),
    ],
)
@pytest.mark.parametrize("column", ["fare", "gone"])
def test_a_wrong_expression_is_named_with_its_column(sql, words, column):
    with pytest.raises(ValueError, match=words) as caught:
        validation_outcomes([CustomValidation(sql=sql, **{**CHECK, "feature": column})], fares())
    assert repr(column) in str(caught.value)
    assert repr(sql) in str(caught.value)


def test_a_check_without_an_answer_does_not_stop_the_others():
    fails = CustomValidation(sql="feature.num_stats.max < 3", **CHECK)
    holds = CustomValidation(sql="feature.num_stats.max < 901", **CHECK)
    of_text = CustomValidation(sql="feature.num_stats.max < 3", **{**CHECK, "feature": "shop"})
    of_nothing = CustomValidation(sql="feature.num_stats.max < 3", **{**CHECK, "feature": "gone"})
    assert validation_outcomes([of_text, fails, of_nothing, holds], fares()) == (None, False, None, True)
