"""TFDV's statistics of one column as plain values: what the checks and the report read."""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Literal

from tensorflow_metadata.proto.v0 import statistics_pb2

ValueType = Literal["integer", "float", "text"]
_TYPES: Mapping[int, ValueType] = {
    statistics_pb2.FeatureNameStatistics.INT: "integer",
    statistics_pb2.FeatureNameStatistics.FLOAT: "float",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """A histogram's bucket: `count` values from `low` to `high`, in the column's unit."""

    low: float
    high: float
    count: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureSummary:
    """Statistics of one column in one split.

    Attributes
    ----------
    num_examples, num_missing
        Rows of the split, and those without a value in this column.
    mean, std, minimum, median, maximum
        In the column's unit; `nan` for text, where no value is there, and (mean, std) where values are infinite.
    num_unique
        Different values; an estimate past some thousands; 0 for numbers, where TFDV does not count them.
    value_counts
        Rows by value, most frequent first, for text: complete up to 1,000 different values.
    histogram
        Buckets of equal width from smallest to largest value, for numbers.
    """

    name: str
    type: ValueType
    num_examples: int
    num_missing: int
    mean: float = math.nan
    std: float = math.nan
    minimum: float = math.nan
    median: float = math.nan
    maximum: float = math.nan
    num_unique: int = 0
    value_counts: Mapping[str, int]
    histogram: tuple[Bucket, ...] = ()

    @property
    def num_present(self) -> int:
        """Rows that have a value."""
        return self.num_examples - self.num_missing

    @property
    def missing_share(self) -> float:
        """Share of the rows without a value, 0 to 1; `nan` for a split without rows."""
        return self.num_missing / self.num_examples if self.num_examples else math.nan

    @property
    def is_constant(self) -> bool:
        """Whether there are values and all are the same."""
        if not self.num_present:
            return False
        return self.num_unique == 1 if self.type == "text" else self.minimum == self.maximum

    @property
    def has_infinity(self) -> bool:
        """Whether a value is infinite."""
        return math.isinf(self.minimum) or math.isinf(self.maximum)


def feature_summaries(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> dict[str, FeatureSummary]:
    """Summaries of every column of one data set, by name, in their order; empty where it has no examples."""
    dataset = statistics.datasets[0]
    summaries = [_summary(feature, int(dataset.num_examples)) for feature in dataset.features]
    return {summary.name: summary for summary in summaries}


def feature_name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    """The column that TFDV's statistics of one feature are of."""
    return feature.path.step[-1] if feature.path.step else feature.name


def _summary(feature: statistics_pb2.FeatureNameStatistics, num_examples: int) -> FeatureSummary:
    name = feature_name(feature)
    if feature.HasField("num_stats"):
        return _number_summary(name, feature, num_examples)
    text = feature.string_stats
    buckets = [bucket for bucket in text.rank_histogram.buckets if bucket.low_rank == bucket.high_rank]
    return FeatureSummary(
        name=name,
        type="text",
        num_examples=num_examples,
        num_missing=int(text.common_stats.num_missing),
        num_unique=int(text.unique),
        value_counts={bucket.label: round(bucket.sample_count) for bucket in buckets},
    )


def _number_summary(name: str, feature: statistics_pb2.FeatureNameStatistics, num_examples: int) -> FeatureSummary:
    numbers = feature.num_stats
    num_missing = int(numbers.common_stats.num_missing)
    kind = _TYPES.get(feature.type, "float")
    if num_missing == num_examples:
        return FeatureSummary(name=name, type=kind, num_examples=num_examples, num_missing=num_missing, value_counts={})
    standard = [histogram for histogram in numbers.histograms if histogram.type == statistics_pb2.Histogram.STANDARD]
    buckets = standard[0].buckets if standard else ()
    return FeatureSummary(
        name=name,
        type=kind,
        num_examples=num_examples,
        num_missing=num_missing,
        mean=numbers.mean if math.isfinite(numbers.mean) else math.nan,
        std=numbers.std_dev if math.isfinite(numbers.mean) else math.nan,
        minimum=numbers.min,
        median=numbers.median,
        maximum=numbers.max,
        value_counts={},
        histogram=tuple(
            Bucket(low=bucket.low_value, high=bucket.high_value, count=bucket.sample_count) for bucket in buckets
        ),
    )
