"""Two sides compared: every feature and all of them together, at one stated rate of false alarms.

A finding needs two keys. *Significant*: its statistic exceeds what permuted sides give, all comparisons of the run
counted. *Material*: the difference is large enough that a person would care. With few rows only large differences are
significant; with many, small ones are and do not matter.
"""

from collections.abc import Sequence

import numpy as np

from components.drift.binned import BinnedFeature
from components.drift.blocks import Blocks, exchangeable_blocks, longest_memory, ordered_blocks
from components.drift.comparison_result import Comparison, FeatureComparison
from components.drift.drift_settings import DriftSettings
from components.drift.feature_comparison import feature_comparison, feature_members, untested_feature
from components.drift.joint_comparison import joint_comparison, joint_members
from components.drift.permutation_p_values import MaximumFamily
from components.drift.resampling import permuted_labels, resampled_counts

__all__ = ["Comparison", "DriftSettings", "FeatureComparison", "compare_features"]

_DEFAULTS = DriftSettings()


def compare_features(
    features: Sequence[BinnedFeature],
    *,
    joint: tuple[np.ndarray, np.ndarray] | None = None,
    ordered_in_time: bool = False,
    settings: DriftSettings = _DEFAULTS,
) -> Comparison:
    """Compare two sides, feature by feature and jointly.

    Parameters
    ----------
    features
        Of the same N reference and M current rows, each under a name of its own.
    joint
        Shape (N, D) and (M, D): columns to be compared together (`joint_columns`, or embeddings), of the same rows;
        None, or no columns, where that is not asked for.
    ordered_in_time
        Whether rows lie in their order in time on both sides. Then runs of neighbours are permuted, not rows.
    settings
        Rates, bounds and the seed, which makes the result repeatable.

    Returns
    -------
    Comparison
        Below the minimum sample only what was observed, with nothing tested.

    Raises
    ------
    ValueError
        If there is nothing to compare, two features share a name, or they are not of the same rows.
    """
    num_reference, num_current = _num_rows(features, joint)
    joint = joint if joint is not None and joint[0].shape[-1] else None
    if min(num_reference, num_current) < settings.min_sample:
        return _untested(features, num_reference, num_current, settings)
    rng = np.random.default_rng(settings.seed)
    blocks = _blocks(features, joint, num_reference, num_current, ordered_in_time, rng)
    labels = permuted_labels(
        blocks.num_reference, blocks.num_current, num_permutations=settings.num_permutations, rng=rng
    )
    family = MaximumFamily(settings.num_permutations)
    members = [
        feature_members(*resampled, family, settings) for resampled in resampled_counts(features, blocks, labels)
    ]
    together = joint_members(joint, blocks, labels, family, seed=settings.seed) if joint is not None else None
    return Comparison(
        features={
            feature.name: feature_comparison(feature, found, family, settings)
            for feature, found in zip(features, members, strict=True)
        },
        joint=joint_comparison(together, family, settings) if together else None,
        num_reference=num_reference,
        num_current=num_current,
        block_rows=blocks.block_rows,
        num_blocks=(blocks.num_reference, blocks.num_current),
        blocks_may_be_dependent=blocks.may_be_dependent,
        insufficient=False,
    )


def _num_rows(features: Sequence[BinnedFeature], joint: tuple[np.ndarray, np.ndarray] | None) -> tuple[int, int]:
    names = [feature.name for feature in features]
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        raise ValueError(f"features must have names of their own, got {repeated[0]!r} more than once")
    rows = {name: (len(feature.reference), len(feature.current)) for name, feature in zip(names, features, strict=True)}
    if joint is not None:
        rows["the joint columns"] = len(joint[0]), len(joint[1])
    if not rows:
        raise ValueError("there must be at least one feature to compare, or joint columns, got neither")
    first, expected = next(iter(rows.items()))
    for name, found in rows.items():
        if found != expected:
            raise ValueError(
                f"all features must be of the same rows, got {expected} of {first!r} and {found} of {name!r}"
            )
    return expected


def _blocks(
    features: Sequence[BinnedFeature],
    joint: tuple[np.ndarray, np.ndarray] | None,
    num_reference: int,
    num_current: int,
    ordered_in_time: bool,
    rng: np.random.Generator,
) -> Blocks:
    if not ordered_in_time:
        return exchangeable_blocks(num_reference, num_current, rng=rng)
    memory_rows = longest_memory(features, joint)
    return ordered_blocks(num_reference, num_current, memory_rows=memory_rows, rng=rng)


def _untested(
    features: Sequence[BinnedFeature], num_reference: int, num_current: int, settings: DriftSettings
) -> Comparison:
    """What was observed, where a side has too few rows to test anything."""
    return Comparison(
        features={feature.name: untested_feature(feature, settings) for feature in features},
        joint=None,
        num_reference=num_reference,
        num_current=num_current,
        block_rows=0,
        num_blocks=(0, 0),
        blocks_may_be_dependent=False,
        insufficient=True,
    )
