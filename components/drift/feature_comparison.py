"""One feature of two sides compared: its statistics join the family, then are held against the family's threshold."""

from collections.abc import Mapping
from dataclasses import dataclass
import math

import numpy as np

from components.drift.binned import BinnedFeature, coarse_starts
from components.drift.comparison_result import ChangedBin, FeatureComparison, StatisticResult
from components.drift.distances import shares
from components.drift.drift_settings import DriftSettings
from components.drift.effect_sizes import above_chance, standardised_mean_difference
from components.drift.feature_statistics import (
    distribution_statistics,
    missing_share_difference,
    NUM_COARSE_BINS,
    POWERS,
    total_variation_of_values,
)
from components.drift.materiality import is_material
from components.drift.permutation_p_values import FamilyMember, MaximumFamily
from components.drift.resampling import side_counts

_FEWEST_PRESENT = 30
_NUM_CHANGED_BINS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureMembers:
    """A feature's statistics in the family, by name, and its effect size, 0 to 1.

    `distribution` is empty and `effect_size` is `nan` where fewer than 30 rows of a side have a value.
    """

    distribution: Mapping[str, FamilyMember]
    missing: FamilyMember
    effect_size: float


def feature_members(
    feature: BinnedFeature,
    reference: np.ndarray,
    current: np.ndarray,
    family: MaximumFamily,
    settings: DriftSettings,
) -> FeatureMembers:
    """Add one feature's statistics to the family; counts are (P + 1, K + 1), from `resampled_counts`."""
    missing = family.add(missing_share_difference(reference, current), power=POWERS["missing_share"])
    if min(reference[0, 1:].sum(), current[0, 1:].sum()) < min(_FEWEST_PRESENT, settings.min_sample):
        return FeatureMembers(distribution={}, missing=missing, effect_size=math.nan)
    statistics = distribution_statistics(feature.kind, reference, current)
    distribution = {name: family.add(values, power=POWERS[name]) for name, values in statistics.items()}
    if feature.kind == "number":
        effect_size = distribution["kolmogorov_smirnov"].value
    else:
        effect_size = above_chance(total_variation_of_values(reference, current))
    return FeatureMembers(distribution=distribution, missing=missing, effect_size=effect_size)


def feature_comparison(
    feature: BinnedFeature, members: FeatureMembers, family: MaximumFamily, settings: DriftSettings
) -> FeatureComparison:
    """A feature's statistics held against the family's threshold, once every statistic has been added."""
    statistics = {
        name: family.result(name, member, settings.false_alarm_rate) for name, member in members.distribution.items()
    }
    strongest = min(
        statistics, key=lambda name: (statistics[name].p_value, -members.distribution[name].score), default=""
    )
    missing = family.result("missing_share", members.missing, settings.false_alarm_rate)
    return _comparison(feature, statistics, strongest, missing, members.effect_size, settings)


def untested_feature(feature: BinnedFeature, settings: DriftSettings) -> FeatureComparison:
    """What was observed of a feature, where a side has too few rows to test anything."""
    reference, current = (counts[None, :] for counts in side_counts(feature))
    missing = StatisticResult(
        name="missing_share",
        value=float(missing_share_difference(reference, current)[0]),
        threshold=math.nan,
        p_value=math.nan,
    )
    return _comparison(feature, {}, "", missing, math.nan, settings)


def _comparison(
    feature: BinnedFeature,
    statistics: dict[str, StatisticResult],
    strongest: str,
    missing: StatisticResult,
    effect_size: float,
    settings: DriftSettings,
) -> FeatureComparison:
    reference, current = side_counts(feature)
    p_value = statistics[strongest].p_value if strongest else math.nan
    return FeatureComparison(
        name=feature.name,
        kind=feature.kind,
        statistics=statistics,
        p_value=p_value,
        strongest=strongest,
        effect="kolmogorov_smirnov" if feature.kind == "number" else "total_variation_above_chance",
        effect_size=effect_size,
        significant=p_value <= settings.false_alarm_rate,
        material=is_material(effect_size, settings.material_effect, tested=not math.isnan(p_value)),
        changed_bins=_changed_bins(feature, reference[1:], current[1:]),
        missing=missing,
        missing_significant=missing.p_value <= settings.false_alarm_rate,
        missing_material=is_material(missing.value, settings.material_missing, tested=not math.isnan(missing.p_value)),
        num_reference=int(reference[1:].sum()),
        num_current=int(current[1:].sum()),
        standardised_mean_difference=_mean_difference(feature),
        insufficient=math.isnan(p_value),
    )


def _changed_bins(feature: BinnedFeature, reference: np.ndarray, current: np.ndarray) -> tuple[ChangedBin, ...]:
    if not reference.sum() or not current.sum():
        return ()
    starts = np.arange(feature.num_bins)
    if feature.kind == "number":
        starts = coarse_starts(reference + current, NUM_COARSE_BINS)
    p, q = (shares(np.add.reduceat(counts, starts)) for counts in (reference, current))
    lasts = np.append(starts[1:], feature.num_bins) - 1
    most = np.argsort(-np.abs(p - q), kind="stable")[:_NUM_CHANGED_BINS]
    return tuple(
        ChangedBin(name=feature.range_name(starts[i], lasts[i]), reference_share=float(p[i]), current_share=float(q[i]))
        for i in most
        if p[i] != q[i]
    )


def _mean_difference(feature: BinnedFeature) -> float:
    if feature.reference_values is None or feature.current_values is None:
        return math.nan
    return standardised_mean_difference(feature.reference_values, feature.current_values)
