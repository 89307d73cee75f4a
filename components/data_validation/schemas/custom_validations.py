"""A user's own checks: conditions over a column's TFMD statistics, read from a small YAML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args, Literal

from tensorflow_metadata.proto.v0 import statistics_pb2
import yaml

from components.data_validation.schemas.sql_translation import sql_refusal
from components.data_validation.schemas.statistics_expression import StatisticsExpression
from components.data_validation.statistics.feature_summaries import feature_name

ValidationSeverity = Literal["warning", "error"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomValidation:
    """One check of one column.

    Attributes
    ----------
    expression
        True where all is well, such as `num_stats.max < 1000`; see `statistics_expression.py` beside this file.
    severity
        `error` blocks, `warning` does not.
    description
        What it means when the expression is false, in the user's words.
    environments
        Where it is checked; everywhere when empty.
    """

    feature: str
    expression: str
    severity: ValidationSeverity
    description: str
    environments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("feature", "expression", "description"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{name} must be text, got {value!r}")
        if self.severity not in get_args(ValidationSeverity):
            raise ValueError(f"severity must be warning or error, got {self.severity!r}")
        StatisticsExpression(self.expression)

    def applies(self, environment: str | None) -> bool:
        """Whether it is checked in this environment."""
        return not self.environments or environment in self.environments


def read_custom_validations(path: str | Path) -> tuple[CustomValidation, ...]:
    """A user's checks, from YAML with a list `validations` of mappings whose keys are those of `CustomValidation`.

    Raises `FileNotFoundError`, or `ValueError` that names the file and the check.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"the custom validations must be a file, but there is no file at {file}")
    try:
        return _from_yaml(file.read_text(encoding="utf-8-sig"))
    except (ValueError, TypeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"the custom validations {file} must hold checks of columns: {reason}") from error


def validation_outcomes(
    validations: Sequence[CustomValidation], statistics: statistics_pb2.DatasetFeatureStatisticsList
) -> tuple[bool | None, ...]:
    """One outcome for each check of a table's statistics (one data set).

    None has no answer: the column is not there, lacks the statistic that the expression reads (a column of numbers that
    has become text has no `num_stats`), or a divisor is 0.
    """
    features = {feature_name(feature): feature for feature in statistics.datasets[0].features}
    return tuple(
        StatisticsExpression(validation.expression).evaluate(features[validation.feature])
        if validation.feature in features
        else None
        for validation in validations
    )


def _from_yaml(text: str) -> tuple[CustomValidation, ...]:
    content = yaml.safe_load(text)
    if not isinstance(content, Mapping) or set(content) != {"validations"}:
        raise ValueError(f"the file must be a mapping with the one key 'validations', got {content!r:.100}")
    items = content["validations"]
    if not isinstance(items, list):
        raise ValueError(f"validations must be a list, got {items!r:.100}")
    return tuple(_from_mapping(item, number) for number, item in enumerate(items, start=1))


def _from_mapping(item: Any, number: int) -> CustomValidation:
    known = [field.name for field in fields(CustomValidation)]
    if not isinstance(item, Mapping):
        raise ValueError(f"validation {number} must be a mapping with the keys {', '.join(known)}, got {item!r:.100}")
    if "sql" in item:
        raise ValueError(f"validation {number}: {sql_refusal(str(item['sql']))}")
    unknown = [name for name in item if name not in known]
    missing = [name for name in known if name not in item and name != "environments"]
    if unknown or missing:
        got = f"no {missing[0]!r}" if missing else f"the unknown key {unknown[0]!r}"
        raise ValueError(f"validation {number} must have the keys {', '.join(known)}, got {got}")
    environments = item.get("environments", ())
    if not isinstance(environments, list | tuple):
        raise ValueError(f"validation {number}: environments must be a list, got {environments!r:.100}")
    try:
        return CustomValidation(**{**item, "environments": tuple(map(str, environments))})
    except ValueError as error:
        raise ValueError(f"validation {number}, of column {item.get('feature')!r}: {error}") from error
