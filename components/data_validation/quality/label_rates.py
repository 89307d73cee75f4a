"""How labels differ between groups of people, and between texts that mention some people and texts that do not.

A model learns what its labels say: one that calls texts rude because they name a religion begins here.

Shapes: N labelled examples, G groups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
import math

import numpy as np

from components.drift.group_differences import difference_p_value, largest_difference, LargestDifference
from components.drift.group_means import group_means
from components.drift.multiple_tests import holm
from components.shared.contracts.verdict import Finding
from components.shared.tables.sensitive_groups import Grouping

MIN_EXAMPLES = 30
LEVEL = 0.05
# Ten points of a share; of numbers a fifth of their standard deviation, which is called a small effect.
MATERIAL_SHARE, MATERIAL_SPREAD = 0.1, 0.2
_MAX_CLASSES, _MAX_FINDINGS = 10, 10
_REMEDY = (
    "look at some of these examples with the people who labelled them: is the difference in the world, or in the "
    "labels? mend the labels, or collect more of the examples that are rare"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelRate:
    """A group's share of a label, or its mean label, with its own 95 % interval."""

    name: str
    num_examples: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelComparison:
    """The share of one label, or the mean label, in several groups.

    Attributes
    ----------
    by
        The columns that group, or the kind of people that a term names.
    term
        The term whose mention divides the texts into two groups, mentioning and not; empty of columns.
    label
        The class; empty where labels are numbers.
    groups
        Those of at least 30 examples, 2 or more.
    found
        The largest difference between two of them.
    p_value, adjusted_p
        Of any difference; and Holm's, all comparisons of the table counted.
    unit
        The difference that matters.
    """

    by: str
    term: str
    label: str
    groups: tuple[LabelRate, ...]
    found: LargestDifference
    p_value: float
    unit: float
    adjusted_p: float = math.nan

    @property
    def is_notable(self) -> bool:
        """Whether the difference is more than chance, and large enough to matter."""
        return self.adjusted_p < LEVEL and self.found.difference >= self.unit


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelRates:
    """All comparisons, the largest differences first, and what had too few examples to be compared."""

    comparisons: tuple[LabelComparison, ...] = ()
    too_small: tuple[str, ...] = ()


def label_rates(
    labels: np.ndarray,
    class_names: Sequence[str],
    groupings: Sequence[Grouping],
    mentions: Mapping[tuple[str, str], np.ndarray],
    *,
    clusters: np.ndarray | None = None,
) -> LabelRates:
    """Compare labels between groups, and between texts that mention a term and the others.

    Parameters
    ----------
    labels
        Shape (N,): places among the class names, or numbers where there are none.
    groupings
        Of the N examples.
    mentions
        Masks, shape (N,), bool, by kind of people and term.
    clusters
        Shape (N,), int: which examples were collected together; see `group_means`.
    """
    outcomes = _outcomes(labels, class_names)
    found: list[LabelComparison] = []
    too_small: dict[str, None] = {}
    for grouping in groupings:
        counts = np.bincount(grouping.numbers[grouping.numbers >= 0], minlength=len(grouping.names))
        too_small |= dict.fromkeys(
            name for name, count in zip(grouping.names, counts, strict=True) if count < MIN_EXAMPLES
        )
        found += _compared(outcomes, grouping.numbers, grouping.names, (grouping.name, ""), clusters)
    for (kind, term), mask in mentions.items():
        if mask.sum() < MIN_EXAMPLES:
            too_small[f"mentions {term!r}"] = None
        found += _compared(outcomes, (~mask).astype(int), (f"mentions {term!r}", "others"), (kind, term), clusters)
    adjusted = holm([one.p_value for one in found])
    judged = [replace(one, adjusted_p=p_value) for one, p_value in zip(found, adjusted, strict=True)]
    judged.sort(key=lambda one: -one.found.difference / one.unit)
    return LabelRates(comparisons=tuple(judged), too_small=tuple(too_small))


def label_rate_findings(rates: LabelRates) -> list[Finding]:
    """Warnings of the ten largest differences that are more than chance and matter; nothing blocks."""
    notable = [one for one in rates.comparisons if one.is_notable]
    more = len(notable) - _MAX_FINDINGS
    return [
        Finding(
            kind="data_skew",
            severity="warning",
            name="LABEL_RATE_DIFFERENCE",
            column="label",
            subtype="label",
            statistic="largest difference of label rates between groups",
            value=one.found.difference,
            threshold=one.unit,
            effect="difference",
            effect_size=one.found.difference,
            p_value=one.adjusted_p,
            significant=True,
            material=True,
            message=described(one, len(rates.comparisons))
            + (f"; {more} more such differences are in the report" if more > 0 and one is notable[0] else ""),
            remedy=_REMEDY,
        )
        for one in notable[:_MAX_FINDINGS]
    ]


def described(one: LabelComparison, num_comparisons: int) -> str:
    """A difference in one sentence, with its interval."""
    lowest, highest = one.groups[one.found.lowest], one.groups[one.found.highest]
    what = f"the share of the label {one.label!r}" if one.label else "the mean label"
    who = f"texts on {one.by}" if one.term else one.by
    return (
        f"{what} is {_shown(lowest)} and {_shown(highest)}: the largest difference by {who} is "
        f"{one.found.difference:.3g} (95 % interval {one.found.low:.3g} to {one.found.high:.3g}), more than chance "
        f"with all {num_comparisons} comparisons counted"
    )


def _shown(rate: LabelRate) -> str:
    return f"{rate.value:.3g} of {rate.num_examples:,} ({rate.name})"


def _outcomes(labels: np.ndarray, class_names: Sequence[str]) -> dict[str, np.ndarray]:
    """What is averaged, shape (N,) each: of two classes the second, of more the ten most frequent, or the numbers."""
    if not class_names:
        return {"": labels.astype(np.float64)}
    counts = np.bincount(labels, minlength=len(class_names))
    frequent = sorted(np.argsort(-counts, kind="stable")[:_MAX_CLASSES].tolist())
    wanted = [1] if len(class_names) == 2 else [index for index in frequent if counts[index]]
    return {class_names[index]: labels == index for index in wanted}


def _compared(
    outcomes: Mapping[str, np.ndarray],
    groups: np.ndarray,
    names: Sequence[str],
    by: tuple[str, str],
    clusters: np.ndarray | None,
) -> list[LabelComparison]:
    found = []
    for label, values in outcomes.items():
        means = group_means(values, groups, len(names), clusters=clusters)
        large = np.flatnonzero((means.num_examples >= MIN_EXAMPLES) & np.isfinite(means.effective))
        if len(large) < 2:
            continue
        compared = means.of_groups(large)
        low, high = compared.limits()
        columns = (compared.num_examples, compared.values, low, high)
        rows = zip([names[place] for place in large.tolist()], *(column.tolist() for column in columns), strict=True)
        found.append(
            LabelComparison(
                by=by[0],
                term=by[1],
                label=label,
                groups=tuple(
                    LabelRate(name=name, num_examples=count, value=value, low=begin, high=end)
                    for name, count, value, begin, end in rows
                ),
                found=largest_difference(compared),
                p_value=difference_p_value(compared),
                unit=MATERIAL_SHARE if values.dtype == bool else max(MATERIAL_SPREAD * float(values.std()), 1e-12),
            )
        )
    return found
