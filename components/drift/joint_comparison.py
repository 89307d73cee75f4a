"""All columns of two sides compared at once: tested on permuted blocks, sized by a classifier on held-out blocks."""

from collections.abc import Mapping

import numpy as np

from components.drift.blocks import Blocks, NO_BLOCK, rows_of_blocks
from components.drift.comparison_result import JointComparison
from components.drift.drift_settings import DriftSettings
from components.drift.effect_sizes import held_out_separation
from components.drift.joint import joint_map, joint_statistics
from components.drift.materiality import is_material
from components.drift.permutation_p_values import FamilyMember, MaximumFamily
from components.drift.resampling import resampled_sums

_POWERS: Mapping[str, float] = {"maximum_mean_discrepancy": 1 / 3, "correlation_difference": 1 / 3}
# Rows of both sides; joint features are wide, and drift that this many rows do not show is not material.
_MOST_ROWS = 20_000

JointMembers = tuple[dict[str, FamilyMember], float]


def joint_members(
    joint: tuple[np.ndarray, np.ndarray], blocks: Blocks, labels: np.ndarray, family: MaximumFamily, *, seed: int
) -> JointMembers:
    """Add the joint statistics of (N, D) and (M, D) to the family; return the members by name and the effect size.

    `labels` is (P, B), float32, from `permuted_labels`.
    """
    rows_a_block = max(1, _MOST_ROWS // blocks.num_blocks)
    picked = [rows_of_blocks(block_of, rows_a_block) for block_of in (blocks.reference, blocks.current)]
    rows = [side[chosen] for side, chosen in zip(joint, picked, strict=True)]
    block_of = blocks.reference[picked[0]], blocks.current[picked[1]]
    features = joint_map(rows[0], rows[1], seed=seed)
    mapped = features(rows[0]), features(rows[1])
    means = _resampled_means(mapped, block_of, labels)
    statistics = joint_statistics(means[0], means[1], features.num_fourier)
    members = {name: family.add(statistic, power=_POWERS[name]) for name, statistic in statistics.items()}
    return members, held_out_separation(*mapped, *(numbers % 2 == 0 for numbers in block_of))


def joint_comparison(members: JointMembers, family: MaximumFamily, settings: DriftSettings) -> JointComparison:
    """The joint statistics held against the family's threshold, once every statistic has been added."""
    by_name, effect_size = members
    rate = settings.false_alarm_rate
    statistics = {name: family.result(name, member, rate) for name, member in by_name.items()}
    strongest = min(by_name, key=lambda name: (statistics[name].p_value, -by_name[name].score))
    found = statistics[strongest]
    return JointComparison(
        statistics=statistics,
        strongest=strongest,
        value=found.value,
        threshold=found.threshold,
        p_value=found.p_value,
        effect_size=effect_size,
        significant=found.p_value <= rate,
        material=is_material(effect_size, settings.material_joint),
    )


def _resampled_means(
    mapped: tuple[np.ndarray, np.ndarray], block_of: tuple[np.ndarray, np.ndarray], labels: np.ndarray
) -> list[np.ndarray]:
    """Mean features of both sides, shape (P + 1, F) each, of rows in the order of their blocks."""
    starts = [np.flatnonzero(np.diff(numbers, prepend=NO_BLOCK)) for numbers in block_of]
    # A column of ones counts the rows.
    with_ones = [np.pad(side, ((0, 0), (0, 1)), constant_values=1.0) for side in mapped]
    sums = [np.add.reduceat(side, first, axis=0) for side, first in zip(with_ones, starts, strict=True)]
    observed = tuple(side.sum(axis=0, dtype=np.float64) for side in sums)
    resampled = resampled_sums(labels, np.concatenate(sums), (observed[0], observed[1]))
    return [side[:, :-1] / side[:, -1:] for side in resampled]
