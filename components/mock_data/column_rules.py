"""What a schema demands of one column, reduced to what drawing values needs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math
from typing import Literal

from tensorflow_metadata.proto.v0 import schema_pb2

Stored = Literal["int64", "float64", "string"]
Content = Literal["words", "whole", "number"]

_STORED: dict[int, Stored] = {schema_pb2.INT: "int64", schema_pb2.FLOAT: "float64", schema_pb2.BYTES: "string"}
_NO_COLUMN = ("struct_domain", "image_domain", "audio_domain", "video_domain", "content_chunk_domain")
# TFDV does not check columns of these stages.
_UNCHECKED_STAGES = (
    schema_pb2.PLANNED,
    schema_pb2.ALPHA,
    schema_pb2.DEPRECATED,
    schema_pb2.DEBUG_ONLY,
    schema_pb2.DISABLED,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnRule:
    """What a schema demands of a column.

    Attributes
    ----------
    stored, content
        Its type, and whether it holds `words`, `whole` numbers or any `number`. Texts may hold numbers: codes do.
    low, high, values
        Smallest and largest number, and listed texts; None where the schema sets no bound or lists none.
    min_present_share, min_present
        Share of rows, 0 to 1, and number of rows that must have a value.
    min_distinct, max_distinct
        How many different values there must and may be; None sets no upper bound.
    """

    name: str
    stored: Stored = "string"
    content: Content = "words"
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] | None = None
    min_present_share: float = 0.0
    min_present: int = 0
    is_empty: bool = False
    min_distinct: int = 0
    max_distinct: int | None = None

    def within(self, value: float) -> float:
        """The number nearest to `value` that the rule allows; whole numbers without loss."""
        nearest: float = int(value) if self.content == "whole" else value
        if self.low is not None:
            nearest = max(nearest, self.low)
        return nearest if self.high is None else min(nearest, self.high)

    def narrowed(self, low: float, high: float, *, widest: float) -> "ColumnRule":
        """The same rule with two bounds: the schema's, else `low` and `high`; at most `widest` where that is possible.

        A schema may allow texts or images far larger than a mock needs.
        """
        if self.low is not None and self.high is not None:
            return replace(self, high=min(self.high, max(widest, 2 * self.low)))
        least = max(low, self.low or low) if self.high is None else min(low, self.high)
        return replace(self, low=least, high=max(high, 2 * least) if self.high is None else min(high, self.high))

    def required_rows(self, num_rows: int) -> int:
        """How many of `num_rows` must have a value."""
        required = math.ceil(self.min_present_share * num_rows - 1e-9)
        while required < num_rows and required / num_rows < self.min_present_share:
            required += 1
        return max(required, self.min_present)


def column_rules(schema: schema_pb2.Schema, environment: str | None) -> dict[str, ColumnRule]:
    """Rules of the columns that the schema expects in an environment, by name, in its order.

    A schema without environments has one rule everywhere; None takes the columns of all environments. Refuses an
    unknown environment, one without columns, and a column that no table with one value a row can hold.
    """
    declared = tuple(schema.default_environment)
    if declared and environment is not None and environment not in declared:
        raise ValueError(f"environment must be one of the schema's ({', '.join(declared)}), got {environment!r}")
    expected = [feature for feature in schema.feature if _is_expected(feature, environment if declared else None)]
    if not expected:
        raise ValueError(f"the schema must expect a column in the environment {environment}, but expects none")
    domains = {domain.name: tuple(domain.value) for domain in schema.string_domain}
    rules = [_rule(feature, domains) for feature in expected]
    return {rule.name: rule for rule in rules}


def serving_absentees(schema: schema_pb2.Schema) -> tuple[str, ...]:
    """Columns that some environment expects and another does not: most often the label."""
    environments = tuple(schema.default_environment)
    return tuple(
        feature.name
        for feature in schema.feature
        if len({_is_expected(feature, environment) for environment in environments}) == 2
    )


def check_num_rows(schema: schema_pb2.Schema, num_rows: int) -> None:
    """Raise `ValueError` where the schema wants more or fewer rows than `num_rows`."""
    constraints = schema.dataset_constraints
    least = constraints.min_examples_count
    most = constraints.max_examples_count if constraints.HasField("max_examples_count") else None
    if num_rows < least or (most is not None and num_rows > most):
        raise ValueError(
            f"num_examples must be at least {least}{'' if most is None else f' and at most {most}'} by the schema's "
            f"dataset_constraints, got {num_rows}"
        )


def _is_expected(feature: schema_pb2.Feature, environment: str | None) -> bool:
    if feature.deprecated or feature.lifecycle_stage in _UNCHECKED_STAGES:
        return False
    if environment is None:
        return True
    if feature.in_environment:
        return environment in feature.in_environment
    return environment not in feature.not_in_environment


def _rule(feature: schema_pb2.Feature, domains: dict[str, tuple[str, ...]]) -> ColumnRule:
    kind = feature.WhichOneof("domain_info")
    if feature.type not in _STORED or kind in _NO_COLUMN:
        type_name = schema_pb2.FeatureType.Name(feature.type)
        raise ValueError(
            f"column {feature.name!r} must be INT, FLOAT or BYTES with one number or text a row, "
            f"got {type_name}{f' with {kind}' if kind else ''}"
        )
    stored = _STORED[feature.type]
    fewest, most = _values_a_row(feature)
    if fewest > 1:
        raise ValueError(f"column {feature.name!r} must hold one value a row, but its schema wants {fewest} or more")
    low, high = _range(feature, kind)
    rule = ColumnRule(
        name=feature.name,
        stored=stored,
        content=_content(stored, kind),
        low=low,
        high=high,
        values=_listed(feature, kind, domains),
        # A fixed shape demands a value in every row.
        min_present_share=1.0 if feature.HasField("shape") else feature.presence.min_fraction,
        min_present=int(feature.presence.min_count),
        is_empty=most == 0,
        min_distinct=int(feature.unique_constraints.min),
        max_distinct=int(feature.unique_constraints.max) if feature.unique_constraints.HasField("max") else None,
    )
    _check(rule)
    return rule


def _values_a_row(feature: schema_pb2.Feature) -> tuple[int, float]:
    if feature.HasField("shape"):
        size = math.prod(dimension.size for dimension in feature.shape.dim)
        return size, size
    if feature.HasField("value_count"):
        return feature.value_count.min, feature.value_count.max if feature.value_count.HasField("max") else math.inf
    return 0, math.inf


def _content(stored: Stored, kind: str | None) -> Content:
    if kind == "float_domain":
        return "number"
    if stored == "int64" or kind == "int_domain" or (kind == "bool_domain" and stored == "float64"):
        return "whole"
    return "number" if stored == "float64" else "words"


def _range(feature: schema_pb2.Feature, kind: str | None) -> tuple[float | None, float | None]:
    if kind == "bool_domain" and feature.type != schema_pb2.BYTES:
        return 0, 1
    if kind not in ("int_domain", "float_domain"):
        return None, None
    domain = getattr(feature, kind)
    return (domain.min if domain.HasField("min") else None), (domain.max if domain.HasField("max") else None)


def _listed(
    feature: schema_pb2.Feature, kind: str | None, domains: dict[str, tuple[str, ...]]
) -> tuple[str, ...] | None:
    if feature.type != schema_pb2.BYTES:
        return None
    if kind == "domain":
        if feature.domain not in domains:
            raise ValueError(f"column {feature.name!r} must name a string_domain of the schema, got {feature.domain!r}")
        return _texts(domains[feature.domain])
    if kind == "string_domain":
        return _texts(feature.string_domain.value)
    if kind == "bool_domain":
        return _texts((feature.bool_domain.false_value, feature.bool_domain.true_value))
    return None


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    """Each once, without the empty text: in a table that is a missing value."""
    return tuple(dict.fromkeys(value for value in values if value))


def _check(rule: ColumnRule) -> None:
    if rule.low is not None and rule.high is not None and rule.low > rule.high:
        raise ValueError(f"column {rule.name!r} must have a minimum up to its maximum, got {rule.low} and {rule.high}")
    if not 0.0 <= rule.min_present_share <= 1.0:
        raise ValueError(f"column {rule.name!r} must have a min_fraction between 0 and 1, got {rule.min_present_share}")
    if rule.values == ():
        raise ValueError(f"column {rule.name!r} must have a domain with a value, got an empty one")
    if rule.is_empty and (rule.min_present or rule.min_present_share):
        raise ValueError(f"column {rule.name!r} must either have values or be empty, but its schema wants both")
