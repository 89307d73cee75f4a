from components.data_validation.reports.findings_table import add_findings, blocking_reason, most_severe_first
from components.reporting.page import Report
from components.shared.contracts.verdict import Finding


def finding(severity: str, kind: str = "data_drift", effect: float | None = None, message: str = "m") -> Finding:
    return Finding(kind=kind, severity=severity, message=message, effect_size=effect, name="A_LONG_NAME")


def test_a_broken_schema_comes_before_drift_and_a_large_effect_before_a_small_one():
    small, large = finding("blocking", effect=0.1), finding("blocking", effect=0.5)
    schema, note = finding("blocking", "schema_drift"), finding("note", effect=0.9)
    assert most_severe_first([note, small, large, schema]) == (schema, large, small, note)


def test_the_reason_is_the_first_blocking_finding_and_how_many_more_there_are():
    assert blocking_reason([finding("warning")]) == ""
    found = [finding("blocking", message="first"), finding("blocking", message="second")]
    assert blocking_reason(found) == "first (and 1 more blocking findings)"


def test_names_may_break_and_text_is_escaped():
    report = Report("x")
    add_findings(report, [finding("note", message="<b>")], nothing="none")
    html = report.html()
    assert "A_<wbr>LONG_<wbr>NAME" in html
    assert "&lt;b&gt;" in html


def test_nothing_found_is_said():
    report = Report("x")
    add_findings(report, [], nothing="nothing at all")
    assert "nothing at all" in report.html()
