"""What statistics tell of one column: how its numbers lie, how often its texts repeat, how much is missing.

Of texts only frequencies and lengths are kept, and the values themselves where a schema or a label makes them public
anyway: a mock never carries values over that may be somebody's name.
"""

from dataclasses import dataclass

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

# What validation writes in the place of every value of a personal column.
_MASKED = "<masked>"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnStatistics:
    """What statistics tell of a column.

    Attributes
    ----------
    missing_share
        Share of rows without a value, 0 to 1; `num_present` have one.
    points, shares
        Shape (P,), float64, rising: the share of the numbers up to each point, 0 to 1; empty for texts.
    mean
        Of the numbers; `nan` for texts.
    is_whole
        Whether all known numbers are whole: codes are stored as floats where some are missing.
    counts
        Rows of each text, most frequent first: the head of a long list.
    num_distinct
        Different texts, 0 for numbers.
    mean_length
        Of the texts, in bytes.
    is_masked
        Whether the column is personal data: every value is the same placeholder.
    """

    missing_share: float
    num_present: int
    points: np.ndarray
    shares: np.ndarray
    mean: float
    is_whole: bool
    counts: dict[str, float]
    num_distinct: int
    mean_length: float
    is_masked: bool


def column_statistics(statistics: statistics_pb2.DatasetFeatureStatistics) -> dict[str, ColumnStatistics]:
    """Statistics of every column, by name, from TFDV's statistics of one data set."""
    return {_name(feature): _of(feature) for feature in statistics.features}


def _name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    return feature.path.step[-1] if feature.path.step else feature.name


def _of(feature: statistics_pb2.FeatureNameStatistics) -> ColumnStatistics:
    numbers, texts = feature.num_stats, feature.string_stats
    common = texts.common_stats if feature.HasField("string_stats") else numbers.common_stats
    total = common.num_missing + common.num_non_missing
    points, shares = _distribution(numbers)
    counts = _counts(texts)
    is_masked = set(counts) == {_MASKED}
    return ColumnStatistics(
        missing_share=common.num_missing / total if total else 0.0,
        num_present=int(common.num_non_missing),
        points=points,
        shares=shares,
        mean=numbers.mean if len(points) else float("nan"),
        is_whole=bool(len(points)) and all(value == round(value) for value in _exact_values(numbers)),
        counts={} if is_masked else counts,
        num_distinct=0 if is_masked else int(texts.unique),
        mean_length=0.0 if is_masked else texts.avg_length,
        is_masked=is_masked,
    )


def _counts(texts: statistics_pb2.StringStatistics) -> dict[str, float]:
    ranked = {bucket.label: bucket.sample_count for bucket in texts.rank_histogram.buckets}
    return ranked or {top.value: top.frequency for top in texts.top_values}


def _distribution(numbers: statistics_pb2.NumericStatistics) -> tuple[np.ndarray, np.ndarray]:
    """Points and the share of the numbers up to each, from all histograms together.

    Quantiles are narrow where numbers lie thick, equal widths where they lie thin: each is exact at its own bounds,
    so the union of the bounds follows both.
    """
    if not numbers.common_stats.num_non_missing or not np.isfinite([numbers.min, numbers.max]).all():
        return np.zeros(0), np.zeros(0)
    knots = [(numbers.min, 0.0), (numbers.max, 1.0)]
    if numbers.min == 0.0:
        knots.append((0.0, numbers.num_zeros / numbers.common_stats.num_non_missing))
    for histogram in numbers.histograms:
        knots += _knots(histogram)
    ordered = np.array(sorted(knots))
    return ordered[:, 0], np.maximum.accumulate(ordered[:, 1])


def _exact_values(numbers: statistics_pb2.NumericStatistics) -> list[float]:
    """Numbers that occur in the data: quantiles are such, bounds of equal widths are not."""
    quantiles = [histogram for histogram in numbers.histograms if histogram.type == statistics_pb2.Histogram.QUANTILES]
    bounds = [bucket.high_value for histogram in quantiles for bucket in histogram.buckets]
    return [value for value in (numbers.min, numbers.max, *bounds) if np.isfinite(value)]


def _knots(histogram: statistics_pb2.Histogram) -> list[tuple[float, float]]:
    total = sum(bucket.sample_count for bucket in histogram.buckets)
    knots, below = [], 0.0
    for bucket in histogram.buckets:
        if total and np.isfinite([bucket.low_value, bucket.high_value]).all():
            knots.append((bucket.low_value, below / total))
            knots.append((bucket.high_value, (below + bucket.sample_count) / total))
        below += bucket.sample_count
    return [(value, min(share, 1.0)) for value, share in knots]
