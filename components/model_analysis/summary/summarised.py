"""One verdict of several, and what is wrong with a model in an order that a person can act on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from components.shared.contracts.analysis_summary import AnalysisSummary, CheckSummary, GroupFigure, Weakness
from components.shared.contracts.verdict import Finding, Verdict

CHECK = "whole analysis"


def joint_verdict(verdicts: Mapping[str, Verdict]) -> Verdict:
    """The verdict of an analysis from those of its checks, by their names as people see them.

    It passes where all pass; its reason is that of the first check, of the evaluation, or of every check that failed.
    """
    failed = {name: verdict for name, verdict in verdicts.items() if not verdict.passed}
    findings = tuple(finding for verdict in verdicts.values() for finding in verdict.findings)
    first = next(iter(verdicts.values()))
    if not failed:
        return replace(first, check=CHECK, findings=_most_severe_first(findings), remarks=_remarks(verdicts))
    outcomes = {verdict.outcome for verdict in failed.values()}
    return Verdict(
        check=CHECK,
        passed=False,
        outcome="blocked" if "blocked" in outcomes else "insufficient_sample",
        reason="; ".join(verdict.reason for verdict in failed.values()),
        findings=_most_severe_first(findings),
        remarks=_remarks(verdicts),
    )


def summarised(
    verdicts: Mapping[str, Verdict],
    *,
    weaknesses: Sequence[Weakness],
    groups: Sequence[GroupFigure] = (),
    cannot_see: Sequence[str] = (),
) -> AnalysisSummary:
    """An analysis in words.

    Parameters
    ----------
    verdicts
        By the checks' names as people see them, the evaluation's first.
    weaknesses
        What was found by what judges nothing: weak slices, causes of errors, labels; the worst first.
    groups, cannot_see
        See `AnalysisSummary`.
    """
    joint = joint_verdict(verdicts)
    refused = [
        Weakness(sentence=verdict.reason, check=name)
        for name, verdict in verdicts.items()
        # A finding that blocks says the same, with its remedy apart.
        if not verdict.passed and not any(finding.severity == "blocking" for finding in verdict.findings)
    ]
    blocking, warned = (_of_severity(verdicts, severity) for severity in ("blocking", "warning"))
    every = {item.sentence: item for item in (*refused, *blocking, *weaknesses, *warned)}
    return AnalysisSummary(
        passed=joint.passed,
        reason=joint.reason,
        checks=tuple(
            CheckSummary(name=name, passed=verdict.passed, reason=verdict.reason) for name, verdict in verdicts.items()
        ),
        weaknesses=tuple(every.values()),
        groups=tuple(groups),
        cannot_see=tuple(cannot_see),
    )


def _of_severity(verdicts: Mapping[str, Verdict], severity: str) -> list[Weakness]:
    return [
        Weakness(sentence=finding.message, remedy=finding.remedy, check=name)
        for name, verdict in verdicts.items()
        for finding in verdict.findings
        if finding.severity == severity
    ]


def _most_severe_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    order = ("blocking", "warning", "note")
    return tuple(sorted(findings, key=lambda finding: order.index(finding.severity)))


def _remarks(verdicts: Mapping[str, Verdict]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(remark for verdict in verdicts.values() for remark in verdict.remarks))
