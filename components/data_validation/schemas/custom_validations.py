"""A user's own checks: conditions over a column's TFMD statistics, read from a small YAML file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import MinLen
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_validation.schemas.sql_translation import sql_refusal
from components.data_validation.schemas.statistics_expression import StatisticsExpression
from components.data_validation.statistics.feature_summaries import feature_name
from components.shared.runtime.settings import Name, Names, settings_from, settings_model
from components.shared.runtime.settings_text import read_written_settings
from components.shared.runtime.written_settings import WrittenSettings

ValidationSeverity = Literal["warning", "error"]
_Text = Annotated[str, MinLen(1)]


@settings_model
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

    feature: Annotated[Name, MinLen(1)]
    expression: _Text
    severity: ValidationSeverity
    description: _Text
    environments: Names = ()

    def __post_init__(self) -> None:
        try:
            StatisticsExpression(self.expression)
        except ValueError as error:
            raise ValueError(f"expression, of column {self.feature!r}: {error}") from error

    def applies(self, environment: str | None) -> bool:
        """Whether it is checked in this environment."""
        return not self.environments or environment in self.environments


@settings_model
class CustomValidations:
    """A file of custom checks.

    Attributes
    ----------
    validations
        The checks, in any order.
    """

    validations: tuple[CustomValidation, ...]


def read_custom_validations(path: str | Path) -> tuple[CustomValidation, ...]:
    """A user's checks, from YAML with a list `validations` of mappings whose keys are those of `CustomValidation`.

    Raises `FileNotFoundError`, or `ContractError` that names the file, the line and the check.
    """
    written = read_written_settings(path, what="the file of custom validations")
    _refuse_sql(written)
    return settings_from(CustomValidations, written).validations


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


def _refuse_sql(written: WrittenSettings) -> None:
    """TFDV's own checks are SQL: the error says the expression to write instead."""
    items = written.section("validations").content
    for number, item in enumerate(items if isinstance(items, list) else []):
        if isinstance(item, Mapping) and "sql" in item:
            path = ("validations", number, "sql")
            raise written.error(path, f"{written.dotted(path)}: {sql_refusal(str(item['sql']))}")
