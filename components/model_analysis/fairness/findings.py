"""The verdict on a model's fairness, in words: what is refused, what was seen, and what is too small to judge."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.model_analysis.fairness.group_rates import GroupComparison, GroupRate
from components.model_analysis.fairness.judgement import JudgedComparison
from components.model_analysis.fairness.measures import is_asked
from components.shared.contracts.fairness_spec import ERRORS, FairnessSpec
from components.shared.contracts.verdict import Finding, Severity, Verdict

CHECK = "fairness"
TOO_SMALL = "GROUPS_TOO_SMALL_TO_JUDGE"
CANNOT_SEE = (
    "What this cannot see: groups that no column names; whether the labels that people gave are themselves fair; more "
    "than two columns at once; and what is done with an answer afterwards. Rates that are equal here may differ in "
    "use, and where base rates differ not all of them can be equal at once: which one matters is for people to say."
)
# From here on a difference is a warning where no limit is set: ten points, four fifths, a tenth of the labels' spread.
MATERIAL_DIFFERENCE, MATERIAL_RATIO, MATERIAL_SPREAD = 0.1, 0.8, 0.1
_REMEDY = (
    "look at the mistakes of these groups, collect more of their examples or mend their labels and train again, or "
    "change the limit in the problem file's section fairness"
)
_NAMED = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedExamples:
    """How many test examples were judged, left out because a model or a rule labelled them, and the labels' spread.

    `spread` is the standard deviation of labels that are numbers, 0 of classes.
    """

    num_examples: int
    num_by_machines: int = 0
    spread: float = 0.0


def nothing_to_compare(reason: str) -> Verdict:
    """A model of which no groups could be compared passes, and the verdict says why."""
    return Verdict(check=CHECK, passed=True, reason=f"no groups were compared: {reason}", remarks=(CANNOT_SEE,))


def fairness_verdict(
    judged: Sequence[JudgedComparison], spec: FairnessSpec, examples: JudgedExamples, *, remarks: Sequence[str] = ()
) -> Verdict:
    """Refused where groups lie further apart than the limit by more than chance; what else was seen is a finding.

    Parameters
    ----------
    judged
        One or more comparisons.
    remarks
        What was bounded or left out, a sentence each.
    """
    refused = sorted((one for one in judged if one.broken), key=lambda one: min(one.broken.values()))
    seen = [one for one in judged if one.status == "more than chance"]
    seen.sort(key=lambda one: -_size(one.comparison, examples))
    findings = [
        *(_refusal(one, spec) for one in refused),
        *(_observation(one, examples) for one in seen[:_NAMED]),
        *_too_small(judged, spec),
    ]
    order = ("blocking", "warning", "note")
    findings.sort(key=lambda finding: order.index(finding.severity))
    more = len(seen) - _NAMED
    notes = (
        *([f"{more} more differences are larger than chance: the report shows them all"] if more > 0 else []),
        *remarks,
        *_left_out(examples),
        CANNOT_SEE,
    )
    reason = _refused_reason(refused, spec) if refused else _passed_reason(judged, seen, spec, examples)
    return Verdict(check=CHECK, passed=not refused, reason=reason, findings=tuple(findings), remarks=notes)


def described(one: GroupComparison) -> str:
    """The two groups that differ most, by how much, and the interval, in one sentence."""
    if one.found is None:
        raise ValueError(f"the comparison must have two groups or more to describe, got {one.by} with fewer")
    extremes = (one.found.highest, one.found.lowest)
    higher, lower = (one.judged[place] for place in extremes)
    first, second = (one.judged[place] for place in one.found.surest)
    surest = "" if one.found.surest == extremes else f"; it is surest between {second.name} and {first.name}"
    ratio = f", a ratio of {one.found.ratio:.2f}" if one.measure not in ERRORS else ""
    return (
        f"the {one.words} is {_value(lower)} for {lower.name} and {_value(higher)} for {higher.name}: the largest "
        f"difference by {one.by} is {one.found.difference:.3g} (95 % interval {one.found.low:.3g} to "
        f"{one.found.high:.3g}, all pairs of {len(one.judged)} groups counted){ratio}{surest}"
    )


def is_material(one: GroupComparison, examples: JudgedExamples) -> bool:
    """Whether a difference is large enough for a warning where no limit is set."""
    return _size(one, examples) >= 1.0


def _size(one: GroupComparison, examples: JudgedExamples) -> float:
    """The largest difference in sizes that matter."""
    if one.found is None:
        return 0.0
    if one.measure in ERRORS:
        return one.found.difference / max(MATERIAL_SPREAD * examples.spread, 1e-12)
    by_ratio = (1 - one.found.ratio) / (1 - MATERIAL_RATIO) if one.measure == "selection_rate" else 0.0
    return max(one.found.difference / MATERIAL_DIFFERENCE, by_ratio)


def _value(group: GroupRate) -> str:
    return f"{group.value:.3g} ({group.num_examples:,} examples)"


def _finding(one: JudgedComparison, severity: Severity, message: str, **more: object) -> Finding:
    found = one.comparison.found
    difference = None if found is None else found.difference
    return Finding(
        kind="quality",
        severity=severity,
        message=message,
        column=one.comparison.columns[0] if len(one.comparison.columns) == 1 else "",
        columns=one.comparison.columns,
        name="GROUP_DIFFERENCE",
        statistic=f"difference of the {one.comparison.words}",
        subtype="prediction",
        value=difference,
        effect="difference",
        effect_size=difference,
        significant=True,
        **more,  # type: ignore[arg-type]
    )


def _refusal(one: JudgedComparison, spec: FairnessSpec) -> Finding:
    return _finding(
        one,
        "blocking",
        f"{described(one.comparison)}; {_beyond(one, spec)}",
        threshold=spec.max_difference if "max_difference" in one.broken else spec.min_ratio,
        p_value=min(one.broken.values()),
        material=True,
        remedy=_REMEDY,
    )


def _observation(one: JudgedComparison, examples: JudgedExamples) -> Finding:
    material = is_material(one.comparison, examples)
    return _finding(
        one,
        "warning" if material else "note",
        described(one.comparison),
        p_value=one.adjusted_p,
        material=material,
        remedy="decide whether this difference may be, and set fairness.metric with a limit in the problem file",
    )


def _too_small(judged: Sequence[JudgedComparison], spec: FairnessSpec) -> list[Finding]:
    """One finding on the groups that the limits could not be held against."""
    held = [one.comparison for one in judged if is_asked(one.comparison.measure, spec.metric)]
    names = list(dict.fromkeys(group.name for one in held for group in one.too_small))
    if not names:
        return []
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [
        Finding(
            kind="quality",
            severity="warning",
            name=TOO_SMALL,
            statistic=f"test examples for the {spec.metric}".replace("_", " "),
            threshold=float(spec.min_group_size),
            message=f"too small to judge, with fewer than {spec.min_group_size} test examples for the "
            f"{str(spec.metric).replace('_', ' ')}: {', '.join(names[:_NAMED])}{more}",
            remedy="collect and label more examples of these groups",
        )
    ]


def _beyond(one: JudgedComparison, spec: FairnessSpec) -> str:
    limits = {"max_difference": spec.max_difference, "min_ratio": spec.min_ratio}
    said = " and ".join(f"fairness.{name} {limits[name]:g}" for name in one.broken)
    return f"beyond {said} by more than chance"


def _refused_reason(refused: Sequence[JudgedComparison], spec: FairnessSpec) -> str:
    worst = refused[0]
    more = f" (and {len(refused) - 1} more comparisons are refused)" if len(refused) > 1 else ""
    return f"{described(worst.comparison)}; {_beyond(worst, spec)}{more}: {_REMEDY}"


def _passed_reason(
    judged: Sequence[JudgedComparison], seen: Sequence[JudgedComparison], spec: FairnessSpec, examples: JudgedExamples
) -> str:
    compared = [one for one in judged if one.comparison.found is not None]
    if not compared:
        return (
            f"too small to judge: no two groups of the sensitive columns have {spec.min_group_size} of the "
            f"{examples.num_examples:,} test examples each"
        )
    held = [one for one in compared if one.comparison.limit_p_values]
    if not spec.has_limit:
        material = sum(is_material(one.comparison, examples) for one in seen)
        return (
            f"no limit is set: of {len(compared)} comparisons between groups {len(seen)} differ by more than chance, "
            f"{material} of them by so much that it should be looked at"
        )
    if not held:
        return f"too small to judge: no two groups have {spec.min_group_size} test examples for the {spec.metric} each"
    return (
        f"no groups lie further apart in {str(spec.metric).replace('_', ' ')} than allowed by more than chance, in "
        f"{len(held)} comparisons on {examples.num_examples:,} test examples"
    )


def _left_out(examples: JudgedExamples) -> list[str]:
    if not examples.num_by_machines:
        return []
    return [f"{examples.num_by_machines:,} test examples that a model or a rule labelled were left out"]
