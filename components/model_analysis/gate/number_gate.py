"""Whether a model that answers a number may ship: its error on the test split against what the problem file asks."""

import math

from components.model_analysis.gate.target_gate import apart, CHECK, left_out_findings, LeftOut, shown_value
from components.model_analysis.metrics.regression import NumberEvaluation
from components.shared.contracts.target_spec import ERROR_METRICS, TargetSpec
from components.shared.contracts.verdict import Finding, Verdict


def judge_numbers(evaluation: NumberEvaluation, target: TargetSpec, *, left_out: LeftOut) -> Verdict:
    """Decide by the test split whether a model may ship; findings say what was left out or is weak.

    Without a limit the model must beat always answering the same number: the test labels' mean, for `mae` their median.
    With `target.strict` the worse end of the metric's interval must.
    """
    passed, reason = _decision(evaluation, target)
    blocking = () if passed else (_blocking(evaluation, target, reason),)
    weak = _weak(evaluation, target) if passed else ()
    return Verdict(check=CHECK, passed=passed, reason=reason, findings=(*blocking, *weak, *left_out_findings(left_out)))


def _decision(evaluation: NumberEvaluation, target: TargetSpec) -> tuple[bool, str]:
    if not evaluation.num_examples:
        return False, "nothing to judge: the test split holds no labelled example"
    name, limit = target.metric, target.limit
    value = evaluation.metrics[name]
    judged = evaluation.metrics[f"{name}_{'high' if name in ERROR_METRICS else 'low'}"] if target.strict else value
    if math.isnan(value) or (limit is None and not evaluation.baselines["rmse"]):
        return False, f"nothing to judge: all {evaluation.num_examples:,} test examples have one label"
    if math.isnan(judged):
        return False, f"nothing to judge: {name} has no interval, for all test examples are of one group"
    counted = f"on {evaluation.num_examples:,} test examples"
    if limit is not None:
        passed = judged <= limit if name in ERROR_METRICS else judged >= limit
        kind = "maximum" if name in ERROR_METRICS else "minimum"
        within, beyond = ("is at most", "is above") if name in ERROR_METRICS else ("is at least", "is below")
        shown = shown_value(name, value, judged, limit, strict=target.strict)
        return passed, f"{shown} {counted} {within if passed else beyond} the {kind} {limit:g}"
    baseline = evaluation.baselines[name]
    always = f"always answering their {'median' if name == 'mae' else 'mean'}, which gives {apart(baseline, judged)}"
    shown = shown_value(name, value, judged, baseline, strict=target.strict)
    if not _is_better(judged, baseline, name):
        return False, f"{shown} {counted} is no better than {always}"
    return True, f"no limit was set: {shown} {counted} is better than {always}"


def _is_better(value: float, baseline: float, name: str) -> bool:
    return value < baseline if name in ERROR_METRICS else value > baseline


def _blocking(evaluation: NumberEvaluation, target: TargetSpec, reason: str) -> Finding:
    value = evaluation.metrics[target.metric]
    return Finding(
        kind="quality",
        severity="blocking",
        message=reason,
        name="target_missed" if evaluation.num_examples else "nothing_to_judge",
        statistic=target.metric,
        value=value if math.isfinite(value) else None,
        threshold=target.limit,
        remedy="look at the worst mistakes and the residuals in the report: wrong labels, a unit, too weak a model"
        if evaluation.num_examples
        else "label examples of the test split",
    )


def _weak(evaluation: NumberEvaluation, target: TargetSpec) -> tuple[Finding, ...]:
    name = target.metric
    value, baseline = evaluation.metrics[name], evaluation.baselines[name]
    if _is_better(value, baseline, name):
        return ()
    return (
        Finding(
            kind="quality",
            severity="warning",
            message=f"{name} {apart(value, baseline)} is no better than always answering one number",
            name="no_better_than_constant",
            statistic=name,
            value=value,
            threshold=baseline if math.isfinite(baseline) else None,
            remedy="set a stricter target",
        ),
    )
