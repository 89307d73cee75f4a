"""What in a column breaks its schema: the values, how many rows have them, and their share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import math

from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.reports.short_text import short
from components.data_validation.schemas.schema_domains import listed_values, numeric_range
from components.data_validation.statistics.feature_summaries import FeatureSummary
from components.shared.contracts.verdict import ResponsibleValue

_MAX_VALUES_SHOWN = 5
_TYPE_WORDS = {"integer": "whole numbers", "float": "fractional numbers", "text": "text"}
_SCHEMA_TYPE_WORDS = {
    schema_pb2.INT: "whole numbers",
    schema_pb2.FLOAT: "fractional numbers",
    schema_pb2.BYTES: "text",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Offence:
    """The evidence for one anomaly: `words` with counts and share, to end a sentence; the rest as in `Finding`.

    The reference share of `values` is 0: data that fit the schema have none of them.
    """

    words: str
    values: tuple[ResponsibleValue, ...] = ()
    statistic: str = ""
    value: float | None = None
    threshold: float | None = None


def offence(
    name: str, feature: schema_pb2.Feature, summary: FeatureSummary, schema: schema_pb2.Schema
) -> Offence | None:
    """The evidence that a column's statistics hold for an anomaly; None where TFDV's description is all there is."""
    measure = _MEASURES.get(name)
    return measure(feature, summary, listed_values(schema, feature) or ()) if measure and summary.num_examples else None


def shown_values(counts: Mapping[str, int]) -> str:
    """The most frequent values with their counts, long ones shortened: `'zoo' (20), 'bar' (3) and 7 more`."""
    names = _most_frequent_first(counts)
    shown = [f"{short(name)!r} ({counts[name]})" for name in names[:_MAX_VALUES_SHOWN]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def listed_words(values: Sequence[str]) -> str:
    """The first few values, long ones shortened: `'a', 'b' and 7 more`."""
    shown = ", ".join(repr(short(value)) for value in values[:_MAX_VALUES_SHOWN])
    rest = len(values) - _MAX_VALUES_SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown


def responsible_values(
    counts: Mapping[str, int], num_present: int, *, reference: Mapping[str, float] | None = None
) -> tuple[ResponsibleValue, ...]:
    """The most frequent values with their shares of the values present; 0 in the reference unless it is given."""
    return tuple(
        ResponsibleValue(
            value=short(name),
            reference_share=(reference or {}).get(name, 0.0),
            current_share=counts[name] / num_present,
        )
        for name in _most_frequent_first(counts)[:_MAX_VALUES_SHOWN]
    )


def _most_frequent_first(counts: Mapping[str, int]) -> list[str]:
    return sorted(counts, key=lambda name: (-counts[name], name))


def _unlisted(feature: schema_pb2.Feature, summary: FeatureSummary, allowed: Sequence[str]) -> Offence | None:
    known = set(allowed)
    counts = {value: count for value, count in summary.value_counts.items() if value not in known}
    if not counts or not known:
        return None
    num_rows = sum(counts.values())
    share = num_rows / summary.num_present
    return Offence(
        words=f"{shown_values(counts)}; {num_rows:,} of {summary.num_present:,} values, {_percent(share)}",
        values=responsible_values(counts, summary.num_present),
        statistic="share of values that the schema does not list",
        value=share,
        threshold=1.0 - feature.distribution_constraints.min_domain_mass,
    )


def _too_large(feature: schema_pb2.Feature, summary: FeatureSummary, _: Sequence[str]) -> Offence | None:
    bound = numeric_range(feature)[1]
    share = _share_in(summary, bound, math.inf)
    return _out_of_range("maximum", "largest", summary.maximum, bound, share, "above it")


def _too_small(feature: schema_pb2.Feature, summary: FeatureSummary, _: Sequence[str]) -> Offence | None:
    bound = numeric_range(feature)[0]
    return _out_of_range(
        "minimum", "smallest", summary.minimum, bound, _share_in(summary, -math.inf, bound), "below it"
    )


def _out_of_range(
    statistic: str, superlative: str, value: float, bound: float, share: float, where: str
) -> Offence | None:
    if math.isnan(value) or not math.isfinite(bound):
        return None
    words = f"the {superlative} is {value:.6g}, the schema's {statistic} {bound:.6g}"
    about = "" if math.isnan(share) else f"; about {_percent(share)} of the values lie {where}"
    return Offence(words=words + about, statistic=statistic, value=value, threshold=bound)


def _missing(feature: schema_pb2.Feature, summary: FeatureSummary, _: Sequence[str]) -> Offence | None:
    if not summary.num_missing:
        return None
    bound = 1.0 - feature.presence.min_fraction
    return Offence(
        words=f"{summary.num_missing:,} of {summary.num_examples:,} rows, {_percent(summary.missing_share)}, lack it, "
        f"where the schema allows {bound:.1%}",
        statistic="share of rows without a value",
        value=summary.missing_share,
        threshold=bound,
    )


def _wrong_type(feature: schema_pb2.Feature, summary: FeatureSummary, _: Sequence[str]) -> Offence | None:
    expected = _SCHEMA_TYPE_WORDS.get(feature.type)
    if expected is None:
        return None
    words = f"the schema says {expected}, but it holds {_TYPE_WORDS[summary.type]}"
    if summary.type != "text":
        return Offence(words=f"{words} from {summary.minimum:.6g} to {summary.maximum:.6g}")
    examples = dict(list(summary.value_counts.items())[:3])
    return Offence(words=f"{words} such as {shown_values(examples)}" if examples else words)


def _share_in(summary: FeatureSummary, low: float, high: float) -> float:
    """Share of the values between two bounds, each bucket's values spread evenly over it; `nan` where none is."""
    total = sum(bucket.count for bucket in summary.histogram)
    inside = 0.0
    for bucket in summary.histogram:
        width = bucket.high - bucket.low
        overlap = min(bucket.high, high) - max(bucket.low, low)
        if width > 0 and math.isfinite(width):
            inside += bucket.count * max(0.0, overlap) / width
        elif low <= bucket.low <= high and overlap >= 0:
            inside += bucket.count
    return inside / total if total else math.nan


def _percent(share: float) -> str:
    """A share that is not 0 is never shown as 0.0%."""
    return "less than 0.1%" if 0 < share < 0.001 else f"{share:.1%}"


_Measure = Callable[[schema_pb2.Feature, FeatureSummary, Sequence[str]], Offence | None]
_MEASURES: Mapping[str, _Measure] = {
    "ENUM_TYPE_UNEXPECTED_STRING_VALUES": _unlisted,
    "BOOL_TYPE_UNEXPECTED_STRING": _unlisted,
    "BOOL_TYPE_BIG_INT": _too_large,
    "BOOL_TYPE_SMALL_INT": _too_small,
    "INT_TYPE_BIG_INT": _too_large,
    "INT_TYPE_SMALL_INT": _too_small,
    "FLOAT_TYPE_BIG_FLOAT": _too_large,
    "FLOAT_TYPE_SMALL_FLOAT": _too_small,
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": _missing,
    "FEATURE_TYPE_LOW_NUMBER_PRESENT": _missing,
    "UNEXPECTED_DATA_TYPE": _wrong_type,
}
