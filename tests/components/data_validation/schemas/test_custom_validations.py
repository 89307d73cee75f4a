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
    expression: num_stats.max < 1000
    severity: error
    description: no fare is above 1,000 dollars
  - {feature: tip, expression: num_stats.min >= 0, severity: warning, description: 팁, environments: [TRAINING]}
"""
    fare, tip = read_custom_validations(written(tmp_path, text))
    assert (fare.feature, fare.expression, fare.severity) == ("fare", "num_stats.max < 1000", "error")
    assert tip.description == "팁"
    assert tip.applies("TRAINING")
    assert not tip.applies("SERVING")
    assert fare.applies("SERVING")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("validations: [", "must be YAML or JSON, but line 1 is not"),
        ("checks: []", "unknown key 'checks'; known keys are validations"),
        ("validations: 3", "validations must be a list of mappings, got 3"),
        (
            "validations: [{feature: a, expression: name > '', severity: error}]",
            r"validations\[0\].description must be given",
        ),
        (
            "validations: [{CHECK, severity: fatal, description: d}]",
            r"validations\[0\].severity must be one of warning, error, got 'fatal'",
        ),
        ("validations: [{CHECK, severity: error, description: d, why: e}]", r"unknown key 'validations\[0\].why'"),
        ("validations: [{CHECK, severity: error, description: d, environments: 3}]", "must be a list of names"),
        (
            "validations: [{feature: a, expression: '', severity: error, description: d}]",
            r"validations\[0\].expression must be text",
        ),
    ],
)
def test_a_mistake_in_the_file_names_the_file_and_the_check(tmp_path, text, words):
    with pytest.raises(ValueError, match=words) as caught:
        read_custom_validations(written(tmp_path, text.replace("CHECK", "feature: a, expression: name > ''")))
    assert "checks.yaml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        read_custom_validations(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("num_statz.max < 3", "'num_statz' is no field of FeatureNameStatistics, which has .*string_stats"),
        ("num_stats.max <", "it cannot be read"),
        ("num_stats.max", "it must be a condition, such as num_stats.max < 1000"),
    ],
)
def test_a_wrong_expression_is_named_before_any_table_is_read(tmp_path, expression, words):
    text = f"validations: [{{feature: a, expression: {expression}, severity: error, description: d}}]"
    with pytest.raises(ValueError, match=words) as caught:
        read_custom_validations(written(tmp_path, text))
    assert "validations[0].expression, of column 'a': " in str(caught.value)
    assert repr(expression) in str(caught.value)


def test_sql_is_refused_with_the_expression_to_write(tmp_path):
    text = """
validations:
  - feature: fare
    sql: |
      feature.num_stats.max < 1000
        AND feature.num_stats.common_stats.num_missing = 0
    severity: error
    description: no fare is above 1,000 dollars
"""
    expression = "num_stats.max < 1000 and num_stats.common_stats.num_missing == 0"
    with pytest.raises(ValueError, match=r"checks\.yaml, line 4: validations\[0\]\.sql: write ") as caught:
        read_custom_validations(written(tmp_path, text))
    assert f"write 'expression: {expression}' instead of" in str(caught.value)
    (check,) = read_custom_validations(
        written(
            tmp_path,
            text.replace("sql: |", "expression: |")
            .replace("feature.", "")
            .replace("AND", "and")
            .replace("_missing =", "_missing =="),
        )
    )
    assert " ".join(check.expression.split()) == expression


def test_a_check_without_an_answer_does_not_stop_the_others():
    fails = CustomValidation(expression="num_stats.max < 3", **CHECK)
    holds = CustomValidation(expression="num_stats.max < 901", **CHECK)
    of_text = CustomValidation(expression="num_stats.max < 3", **{**CHECK, "feature": "shop"})
    of_nothing = CustomValidation(expression="num_stats.max < 3", **{**CHECK, "feature": "gone"})
    assert validation_outcomes([of_text, fails, of_nothing, holds], fares()) == (None, False, None, True)
