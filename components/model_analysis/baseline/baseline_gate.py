"""What a comparison with a cheap model means for the verdict: a warning, or where the target asks for it a refusal."""

from dataclasses import replace

from components.model_analysis.baseline.comparison import BaselineComparison, Opponent
from components.shared.contracts.target_spec import ERROR_METRICS, TargetSpec
from components.shared.contracts.verdict import Finding, Outcome, Severity, Verdict

NOT_BETTER = "no_better_than_cheap_model"
_SEVERITIES: tuple[Severity, ...] = ("blocking", "warning", "note")
_SWITCH = "or set target.beat_baseline to false"


def with_baseline(verdict: Verdict, comparison: BaselineComparison, target: TargetSpec) -> Verdict:
    """The verdict with what the cheap model says of it.

    A model that is not better than the cheap one, or than always the same answer, by more than chance gets a warning;
    with `target.beat_baseline` it is refused, and so is a model that nothing could be compared with. A verdict that
    refuses already keeps its reason.
    """
    judged = comparison.judged
    if judged is None:
        return _without_comparison(verdict, comparison, target)
    remarks = (*verdict.remarks, described(comparison), *comparison.bounds)
    if judged.is_beaten:
        reason = f"{verdict.reason}; {described(comparison)}" if target.beat_baseline else verdict.reason
        return replace(verdict, reason=reason, remarks=remarks)
    finding = _finding(comparison, judged, "blocking" if target.beat_baseline else "warning")
    found = _sorted((*verdict.findings, finding))
    if not target.beat_baseline or not verdict.passed:
        return replace(verdict, findings=found, remarks=remarks)
    outcome: Outcome = "blocked" if judged.is_better else "insufficient_sample"
    reason = f"{finding.message}: {finding.remedy}, {_SWITCH}"
    return replace(verdict, passed=False, outcome=outcome, reason=reason, findings=found, remarks=remarks)


def described(comparison: BaselineComparison) -> str:
    """One clause on the model beside the cheap one that is judged by; empty where there is none."""
    if comparison.judged is None:
        return ""
    found, metric = comparison.judged.found, comparison.metric
    better = "below" if metric in ERROR_METRICS else "above"
    worse = "above" if metric in ERROR_METRICS else "below"
    relation = f"{abs(found.difference):.4g} {better if found.difference > 0 else worse}"
    relation = relation if found.difference else "equal to"
    return (
        f"{metric} {found.challenger:.4g} on {found.num_examples:,} test examples is {relation} that of a cheap model, "
        f"{comparison.judged.name}, {found.champion:.4g} (95 % interval of the difference {found.low:+.4f} to "
        f"{found.high:+.4f})"
    )


def _without_comparison(verdict: Verdict, comparison: BaselineComparison, target: TargetSpec) -> Verdict:
    remark = f"no cheap model to compare with: {comparison.why_none}"
    if not target.beat_baseline or not verdict.passed:
        return replace(verdict, remarks=(*verdict.remarks, remark))
    reason = f"{remark}, and target.beat_baseline asks for one: label training and test examples, {_SWITCH}"
    finding = Finding(kind="quality", severity="blocking", message=reason, name="no_cheap_model")
    return replace(
        verdict,
        passed=False,
        outcome="insufficient_sample",
        reason=reason,
        findings=_sorted((*verdict.findings, finding)),
    )


def _finding(comparison: BaselineComparison, cheap: Opponent, severity: Severity) -> Finding:
    said = "worse by more than chance" if cheap.is_better else "no better by more than chance"
    remedy = "ship the cheap model, or look at the mistakes and train a better one"
    if cheap.found.difference > 0:
        remedy = "label more test examples, train a better model, or ship the cheap one, which costs less"
    return Finding(
        kind="quality",
        severity=severity,
        message=f"{described(comparison)}, {said}",
        name=NOT_BETTER,
        statistic=comparison.metric,
        value=cheap.found.challenger,
        threshold=cheap.found.champion,
        remedy=remedy,
        num_reference=cheap.found.num_examples,
        num_current=cheap.found.num_examples,
        effect="difference",
        effect_size=cheap.found.difference,
        significant=cheap.is_better,
    )


def _sorted(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity)))
