"""Whether a model may ship: its metrics on the test split against what the problem file asks for."""

from dataclasses import dataclass
import math

from components.model_analysis.metrics.evaluation import Evaluation
from components.model_analysis.metrics.operating_point import OperatingPoint
from components.shared.contracts.target_spec import OPERATING_METRICS, TargetSpec
from components.shared.contracts.verdict import Finding, Verdict

CHECK = "analysis"


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """Examples of the test split that no metric counts: unlabelled, of a class unknown to the model, or undecodable."""

    num_unlabelled: int = 0
    num_unknown_label: int = 0
    num_unreadable: int = 0


def majority_baseline(evaluation: Evaluation, metric: str) -> float:
    """What always answering the most frequent label would reach in a target metric, 0 to 1; `nan` without examples."""
    supports = [item.support for item in evaluation.per_class if item.support]
    if not supports:
        return math.nan
    share, num_classes = max(supports) / sum(supports), len(supports)
    baselines = {
        "accuracy": share,
        "macro_precision": share / num_classes,
        "macro_recall": 1 / num_classes,
        "macro_f1": 2 * share / (1 + share) / num_classes,
        "roc_auc": 0.5,
    }
    if metric not in baselines:
        raise ValueError(f"metric must be one of {', '.join(baselines)}, got {metric!r}")
    return baselines[metric]


def judge(
    evaluation: Evaluation, target: TargetSpec, *, left_out: LeftOut, point: OperatingPoint | None = None
) -> Verdict:
    """Decide by the test split whether a model may ship; findings say what was left out or not judged.

    Without a minimum the model must beat always answering the most frequent label. With `target.strict` it is the lower
    end of the metric's interval that must reach the minimum, or beat that label.

    `point` is what `target.at` asked for; `evaluation` then has the metric `recall` or `precision`.
    """
    passed, reason = _decision(evaluation, target, point)
    blocking = () if passed else (_blocking(evaluation, target, reason),)
    weak = (*_weak(evaluation, target), *_missed_point(target, point)) if passed else ()
    warnings = (weak, _not_judged(evaluation), left_out_findings(left_out))
    findings = (*blocking, *(finding for group in warnings for finding in group))
    return Verdict(check=CHECK, passed=passed, reason=reason, findings=findings)


def _decision(evaluation: Evaluation, target: TargetSpec, point: OperatingPoint | None) -> tuple[bool, str]:
    if not evaluation.num_examples:
        return False, "nothing to judge: the test split holds no labelled example of a class that the model knows"
    if point is not None and point.why_none:
        return False, f"nothing to judge: {point.why_none}"
    name, value = target.metric, evaluation.metrics[target.metric]
    if math.isnan(value):
        why = "all test examples have one label" if point is None else "no test example is one that it counts"
        return False, f"nothing to judge: {name} is undefined, since {why}"
    judged = evaluation.metrics[f"{name}_low"] if target.strict else value
    if math.isnan(judged):
        return False, f"nothing to judge: {name} has no interval, for all test examples are of one group"
    counted = f"on {evaluation.num_examples:,} test examples"
    if target.minimum is not None:
        passed = judged >= target.minimum
        relation = "is at least" if passed else "is below"
        shown = shown_value(name, value, judged, target.minimum, strict=target.strict)
        return passed, f"{shown} {counted} {relation} the minimum {target.minimum:g}"
    majority = _majority_name(evaluation)
    if sum(item.support > 0 for item in evaluation.per_class) == 1:
        return False, f"nothing to judge: all {evaluation.num_examples:,} test examples are labelled {majority!r}"
    baseline = majority_baseline(evaluation, name)
    always = f"always answering {majority!r}, which gives {apart(baseline, judged)}"
    shown = shown_value(name, value, judged, baseline, strict=target.strict)
    if judged <= baseline:
        return False, f"{shown} {counted} is no better than {always}"
    return True, f"no minimum was set: {shown} {counted} is better than {always}"


def _blocking(evaluation: Evaluation, target: TargetSpec, reason: str) -> Finding:
    value = evaluation.metrics.get(target.metric, math.nan)
    return Finding(
        kind="quality",
        severity="blocking",
        message=reason,
        name="target_missed" if evaluation.num_examples else "nothing_to_judge",
        statistic=target.metric,
        value=value if math.isfinite(value) else None,
        threshold=target.minimum,
        remedy="look at the mistakes in the report: wrong labels, too few examples of a class, or too weak a model"
        if evaluation.num_examples
        else "label examples of the test split",
    )


def _weak(evaluation: Evaluation, target: TargetSpec) -> tuple[Finding, ...]:
    if target.metric in OPERATING_METRICS:
        return ()
    value, baseline = evaluation.metrics[target.metric], majority_baseline(evaluation, target.metric)
    if value > baseline:
        return ()
    message = f"{target.metric} {apart(value, baseline)} is no better than always answering one label"
    return (
        Finding(
            kind="quality",
            severity="warning",
            message=message,
            name="no_better_than_majority",
            statistic=target.metric,
            value=value,
            threshold=baseline,
            remedy="raise target.minimum, or choose a metric that the most frequent label cannot win",
        ),
    )


def _missed_point(target: TargetSpec, point: OperatingPoint | None) -> tuple[Finding, ...]:
    """A warning where the test split shows clearly less than `target.at` asked for, which validation had shown."""
    if point is None or point.test is None or target.at is None:
        return ()
    missed = []
    for name, asked in (("precision", target.at.precision), ("recall", target.at.recall)):
        value, high = getattr(point.test, name), getattr(point.test, f"{name}_high")
        if asked is not None and high < asked:
            message = (
                f"{name} {apart(value, asked)} on the test split at the threshold {point.threshold:.4g} is below the "
                f"{asked:g} that the validation split showed"
            )
            missed.append(
                Finding(
                    kind="quality",
                    severity="warning",
                    message=message,
                    name="operating_point_missed",
                    statistic=name,
                    value=value,
                    threshold=asked,
                    remedy="label more validation examples, or ask for a larger figure in target.at",
                )
            )
    return tuple(missed)


def _not_judged(evaluation: Evaluation) -> tuple[Finding, ...]:
    absent = [item.class_name for item in evaluation.per_class if not item.support]
    if not absent or not evaluation.num_examples:
        return ()
    shown = ", ".join(absent[:10]) + (" ..." if len(absent) > 10 else "")
    message = f"{len(absent)} of {len(evaluation.per_class)} classes have no test example and were not judged: {shown}"
    return (Finding(kind="data_skew", severity="warning", message=message, name="classes_not_judged"),)


def left_out_findings(left_out: LeftOut) -> tuple[Finding, ...]:
    """What is to be said of the test examples that no metric counts."""
    findings = []
    if left_out.num_unknown_label:
        message = f"{left_out.num_unknown_label:,} test examples have a label that is no class of the model"
        remedy = "train a model that knows these classes"
        findings.append(
            Finding(
                kind="schema_drift",
                severity="warning",
                message=message,
                column="label",
                name="unknown_label",
                remedy=remedy,
            )
        )
    if left_out.num_unreadable:
        message = f"{left_out.num_unreadable:,} test images could not be decoded"
        findings.append(
            Finding(kind="quality", severity="warning", message=message, column="image", name="unreadable_image")
        )
    if left_out.num_unlabelled:
        message = f"{left_out.num_unlabelled:,} test examples have no label"
        findings.append(Finding(kind="quality", severity="note", message=message, column="label", name="unlabelled"))
    return tuple(findings)


def _majority_name(evaluation: Evaluation) -> str:
    return max(evaluation.per_class, key=lambda item: item.support).class_name


def apart(value: float, other: float) -> str:
    """`value` with as many digits as tell it from `other`: 0.96996 against 0.97 must not read 0.970."""
    digits = next((digits for digits in range(3, 12) if f"{value:.{digits}f}" != f"{other:.{digits}f}"), 3)
    return f"{value:.{digits}f}"


def shown_value(name: str, value: float, judged: float, other: float, *, strict: bool) -> str:
    """A metric that is held against `other`, and by its interval's worse end where that is what is judged."""
    if not strict:
        return f"{name} {apart(value, other)}"
    return f"the worse end {apart(judged, other)} of the 95 % interval of {name} {apart(value, other)}"
