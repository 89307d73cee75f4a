"""The result of a comparison: for every feature, for all of them together, and what the test was based on."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.drift.binned import FeatureKind


@dataclass(frozen=True, kw_only=True, slots=True)
class StatisticResult:
    """One statistic held against its threshold.

    Attributes
    ----------
    value
        What was observed; `nan` where there was nothing to compare.
    threshold
        The statistic is significant above it, all comparisons counted; in its own unit, `nan` where nothing was tested.
    p_value
        Chance without drift that any of the run's statistics is as extreme, 0 to 1; `nan` where nothing was tested.
    """

    name: str
    value: float
    threshold: float
    p_value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedBin:
    """A category, a number or a range of numbers, and its share of the non-missing rows on the two sides, 0 to 1."""

    name: str
    reference_share: float
    current_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureComparison:
    """What was found of one feature.

    Attributes
    ----------
    statistics
        Those of its distribution by name, missing values left out.
    p_value
        The smallest of theirs; `nan` where `insufficient`.
    strongest
        The statistic that has it; empty where `insufficient`.
    effect
        `kolmogorov_smirnov` for numbers (the share of rows that lie on another side of some value), or
        `total_variation_above_chance` for categories (the share of rows that moved, beyond what chance alone moves).
    effect_size
        0 to 1; `nan` where it is not known.
    significant, material
        More than chance, and large enough to matter. Both False where `insufficient`.
    changed_bins
        What changed most, most first, at most 5; numbers in at most 20 ranges.
    missing
        The absolute difference of the two shares of missing values.
    num_reference, num_current
        Rows that have a value.
    standardised_mean_difference
        Current less reference, in standard deviations; `nan` for categories and where undefined.
    insufficient
        Whether too few rows have a value on a side to say anything of the distribution.
    """

    name: str
    kind: FeatureKind
    statistics: Mapping[str, StatisticResult]
    p_value: float
    strongest: str
    effect: str
    effect_size: float
    significant: bool
    material: bool
    changed_bins: tuple[ChangedBin, ...]
    missing: StatisticResult
    missing_significant: bool
    missing_material: bool
    num_reference: int
    num_current: int
    standardised_mean_difference: float
    insufficient: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class JointComparison:
    """What was found of all columns together.

    Attributes
    ----------
    statistics
        `maximum_mean_discrepancy`, and `correlation_difference` where there are few enough columns.
    strongest
        The one with the smallest p-value; `value`, `threshold` and `p_value` are its.
    effect_size
        How well a linear score of the joint features, found on half of the rows, tells the sides of the other half
        apart: 2 AUC - 1, 0 (not at all) to 1 (always).
    """

    statistics: Mapping[str, StatisticResult]
    strongest: str
    value: float
    threshold: float
    p_value: float
    effect_size: float
    significant: bool
    material: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What was found of two sides.

    Attributes
    ----------
    joint
        None where it was not asked for, or the sample is insufficient.
    block_rows, num_blocks
        Rows in a permuted block, and the number of blocks of the two sides; 0 where nothing was permuted.
    blocks_may_be_dependent
        Whether rows in time resemble each other over longer than a block: then chance is understated.
    insufficient
        Whether a side has fewer rows than the settings ask for: then nothing was tested, and nothing is significant.
    """

    features: Mapping[str, FeatureComparison]
    joint: JointComparison | None
    num_reference: int
    num_current: int
    block_rows: int
    num_blocks: tuple[int, int]
    blocks_may_be_dependent: bool
    insufficient: bool
