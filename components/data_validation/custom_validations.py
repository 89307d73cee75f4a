"""A user's own checks: SQL over a column's TFDV statistics, read from a small YAML or protobuf-text file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args, Literal

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
import yaml

from components.data_validation.feature_summaries import feature_name
from components.data_validation.quiet_tfdv import tfdv

# TFDV's own modules must come after the one that keeps their import quiet.
# isort: split
from tensorflow_data_validation.anomalies.proto import custom_validation_config_pb2

ValidationSeverity = Literal["warning", "error"]
_NULL = "returned null"


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomValidation:
    """One check of one column.

    Attributes
    ----------
    feature
        The column.
    sql
        A GoogleSQL expression that is true where all is well; `feature` in it is the column's TFMD
        `FeatureNameStatistics`, as in `feature.num_stats.max < 1000`.
    severity
        `error` blocks, `warning` does not.
    description
        What it means when the expression is false, in the user's words.
    environments
        Where it is checked; everywhere when empty.
    """

    feature: str
    sql: str
    severity: ValidationSeverity
    description: str
    environments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("feature", "sql", "description"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{name} must be text, got {value!r}")
        if self.severity not in get_args(ValidationSeverity):
            raise ValueError(f"severity must be warning or error, got {self.severity!r}")

    def applies(self, environment: str | None) -> bool:
        """Whether it is checked in this environment."""
        return not self.environments or environment in self.environments


def read_custom_validations(path: str | Path) -> tuple[CustomValidation, ...]:
    """Read a user's checks.

    Parameters
    ----------
    path
        YAML with a list `validations` of mappings with the keys `feature`, `sql`, `severity`, `description` and,
        where wanted, `environments`; or `.pbtxt` with TFDV's `CustomValidationConfig`.

    Returns
    -------
    tuple of CustomValidation
        In the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no file at `path`.
    ValueError
        If it is neither; the message names the file and the check.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"the custom validations must be a file, but there is no file at {file}")
    try:
        text = file.read_text(encoding="utf-8-sig")
        return _from_pbtxt(text) if file.suffix == ".pbtxt" else _from_yaml(text)
    except (ValueError, TypeError, yaml.YAMLError, text_format.ParseError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"the custom validations {file} must hold checks of columns: {reason}") from error


def validation_config(
    validations: Iterable[CustomValidation], *, dataset_name: str = ""
) -> custom_validation_config_pb2.CustomValidationConfig:
    """The checks in TFDV's own form, for `tfdv.validate_statistics` of a data set of this name."""
    config = custom_validation_config_pb2.CustomValidationConfig()
    for validation in validations:
        item = config.feature_validations.add(dataset_name=dataset_name)
        item.feature_path.step.append(validation.feature)
        item.validations.add(
            sql_expression=validation.sql,
            severity=anomalies_pb2.AnomalyInfo.Severity.Value(validation.severity.upper()),
            description=validation.description,
            in_environment=validation.environments,
        )
    return config


def decidable_validations(
    validations: Sequence[CustomValidation], statistics: statistics_pb2.DatasetFeatureStatisticsList
) -> tuple[CustomValidation, ...]:
    """The checks that these statistics can answer: TFDV gives up on all of them where one has no answer.

    Parameters
    ----------
    validations
        The checks.
    statistics
        Of one data set.

    Returns
    -------
    tuple of CustomValidation
        Without those whose column is not there, or lacks the statistic that the expression reads (a column of numbers
        that has become text has no `num_stats`).

    Raises
    ------
    ValueError
        If an expression is not SQL that gives true or false; the message names the column and the expression.
    """
    features = {feature_name(feature): feature for feature in statistics.datasets[0].features}
    return tuple(
        validation
        for validation in validations
        if validation.feature in features and _is_decidable(validation, features[validation.feature], statistics)
    )


def _is_decidable(
    validation: CustomValidation,
    feature: statistics_pb2.FeatureNameStatistics,
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> bool:
    alone = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = alone.datasets.add(num_examples=statistics.datasets[0].num_examples)
    dataset.features.append(feature)
    schema = schema_pb2.Schema(default_environment=validation.environments)
    environment = validation.environments[0] if validation.environments else None
    try:
        tfdv.validate_statistics(
            alone, schema, environment=environment, custom_validation_config=validation_config([validation])
        )
    except RuntimeError as error:
        if _NULL in str(error):
            return False
        reason = str(error).split("failed with error: ")[-1]
        raise ValueError(
            f"the custom validation of column {validation.feature!r} must be an SQL expression over its statistics "
            f"that gives true or false, got {validation.sql!r}: {reason}"
        ) from error
    return True


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
        raise ValueError(f"validation {number}: {error}") from error


def _from_pbtxt(text: str) -> tuple[CustomValidation, ...]:
    config = text_format.Parse(text, custom_validation_config_pb2.CustomValidationConfig())
    if config.feature_pair_validations or any(item.dataset_name for item in config.feature_validations):
        raise ValueError("validations must be of single columns of the whole table, got pairs or slices")
    return tuple(
        CustomValidation(
            feature=item.feature_path.step[-1] if item.feature_path.step else "",
            sql=validation.sql_expression,
            severity=anomalies_pb2.AnomalyInfo.Severity.Name(validation.severity).lower(),
            description=validation.description,
            environments=tuple(validation.in_environment),
        )
        for item in config.feature_validations
        for validation in item.validations
    )
