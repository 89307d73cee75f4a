"""The distributions of one column in two datasets over the same bins, to be drawn and compared."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from components.data_validation.statistics.feature_summaries import Bucket, FeatureSummary

NUM_BINS = 12
Shares = Mapping[str, tuple[float, float]]


def number_name(value: float) -> str:
    """A number as a bin's name, four digits long."""
    return f"{value:.4g}"


def common_shares(
    reference: FeatureSummary, current: FeatureSummary, *, name_of: Callable[[float], str] = number_name
) -> Shares:
    """Share of the values, 0 to 1, that falls in each bin in the reference and in the current data.

    A bin is a category, a whole number, or a range that `name_of` names by its lower end; beyond 12 categories the
    rarest share one. Empty where a dataset has no finite values, their range is too wide, or the types differ.
    """
    if reference.type == "text" and current.type == "text":
        return _category_shares(reference.value_counts, current.value_counts)
    if "text" in (reference.type, current.type):
        return {}
    return _number_shares(reference, current, name_of)


def total_variation(shares: Shares) -> float:
    """Total variation distance, 0 (same) to 1 (disjoint); `nan` without bins."""
    if not shares:
        return float("nan")
    return float(sum(abs(left - right) for left, right in shares.values()) / 2)


def _category_shares(reference: Mapping[str, int], current: Mapping[str, int]) -> Shares:
    totals = sum(reference.values()), sum(current.values())
    if not all(totals):
        return {}
    names = sorted({*reference, *current}, key=lambda name: (-reference.get(name, 0), -current.get(name, 0), name))
    kept = names if len(names) <= NUM_BINS else names[: NUM_BINS - 1]
    shares = {name: (reference.get(name, 0) / totals[0], current.get(name, 0) / totals[1]) for name in kept}
    if len(kept) < len(names):
        rest = [sum(counts.get(name, 0) for name in names[len(kept) :]) for counts in (reference, current)]
        shares[f"{len(names) - len(kept)} others"] = (rest[0] / totals[0], rest[1] / totals[1])
    return shares


def _number_shares(reference: FeatureSummary, current: FeatureSummary, name_of: Callable[[float], str]) -> Shares:
    finite = [_finite(summary.histogram) for summary in (reference, current)]
    if not all(finite):
        return {}
    low = min(bucket.low for buckets in finite for bucket in buckets)
    high = max(bucket.high for buckets in finite for bucket in buckets)
    if not np.isfinite(high - low):
        return {}
    integers = reference.type == current.type == "integer"
    if integers and high - low < NUM_BINS:
        edges = np.arange(low, high + 2) - 0.5
        names = [f"{value:.0f}" for value in np.arange(low, high + 1)]
    elif high > low:
        edges = np.linspace(low, high, NUM_BINS + 1)
        names = [name_of(value) for value in edges[:-1].tolist()]
    else:
        edges, names = np.array([low, np.nextafter(low, np.inf)]), [name_of(low)]
    shares = [_rebinned(buckets, edges) for buckets in finite]
    distinct = names if len(set(names)) == len(names) else [f"{value!r}" for value in edges[:-1].tolist()]
    return {name: (float(a), float(b)) for name, a, b in zip(distinct, *shares, strict=True)}


def _finite(buckets: Sequence[Bucket]) -> list[Bucket]:
    return [bucket for bucket in buckets if np.isfinite(bucket.low) and np.isfinite(bucket.high) and bucket.count > 0]


def _rebinned(buckets: Sequence[Bucket], edges: np.ndarray) -> np.ndarray:
    """Shares of the buckets' counts by bin, shape (len(edges) - 1,): a bucket is spread evenly over its own width."""
    counts = np.zeros(len(edges) - 1)
    for bucket in buckets:
        width = bucket.high - bucket.low
        if width > 0:
            overlap = np.minimum(edges[1:], bucket.high) - np.maximum(edges[:-1], bucket.low)
            counts += bucket.count * np.clip(overlap, 0.0, None) / width
        else:
            counts[np.clip(np.searchsorted(edges, bucket.low, side="right") - 1, 0, len(counts) - 1)] += bucket.count
    return counts / counts.sum()
