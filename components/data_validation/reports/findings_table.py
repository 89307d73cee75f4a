"""Findings as a table of a report, and as the one sentence that a verdict gives for them."""

from collections.abc import Sequence

from markupsafe import Markup

from components.reporting.page import Cell, Report
from components.shared.contracts.verdict import Finding

MAX_FINDINGS_SHOWN = 100
_SEVERITY_WORDS = {"blocking": "blocking findings", "warning": "warnings", "note": "notes"}
SEVERITIES = tuple(_SEVERITY_WORDS)


def add_findings(report: Report, findings: Sequence[Finding], *, nothing: str) -> None:
    """Add the findings, most severe first, 100 at most; `nothing` is what is said where there are none."""
    report.heading("Findings")
    if not findings:
        report.paragraph(nothing, tone="good")
        return
    with_effect = any(finding.effect_size is not None for finding in findings)
    names = ["severity", "kind", *(["effect"] if with_effect else []), "what", "what to do", "name"]
    report.table(names, [_row(finding, with_effect) for finding in findings[:MAX_FINDINGS_SHOWN]])
    if len(findings) > MAX_FINDINGS_SHOWN:
        report.paragraph(f"The first {MAX_FINDINGS_SHOWN} of {len(findings):,} findings; verdict.json has them all.")


def severity_counts(findings: Sequence[Finding]) -> dict[str, Cell]:
    """How many findings there are of each severity, for a report's facts."""
    return {word: sum(finding.severity == name for finding in findings) for name, word in _SEVERITY_WORDS.items()}


def most_severe_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings by severity, then by kind (a broken schema explains the rest), then by effect."""

    def order(finding: Finding) -> tuple[int, bool, float]:
        return SEVERITIES.index(finding.severity), finding.kind != "schema_drift", -(finding.effect_size or 0.0)

    return tuple(sorted(findings, key=order))


def blocking_reason(findings: Sequence[Finding]) -> str:
    """The first blocking finding's sentence, and how many more there are; empty where none blocks."""
    blocking = [finding for finding in findings if finding.severity == "blocking"]
    if not blocking:
        return ""
    more = f" (and {len(blocking) - 1} more blocking findings)" if len(blocking) > 1 else ""
    return blocking[0].message + more


def _row(finding: Finding, with_effect: bool) -> list[Cell]:
    effect: list[Cell] = [finding.effect_size] if with_effect else []
    kind = finding.kind.replace("_", " ")
    name = Markup("{}").format(finding.name).replace("_", Markup("_<wbr>"))  # long names may break
    return [finding.severity, kind, *effect, finding.message, finding.remedy or "–", name]
