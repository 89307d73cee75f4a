"""What a smoke run's model is judged by: that it could be evaluated. How good it is says nothing after one epoch."""

from dataclasses import replace

from components.shared.contracts.verdict import Finding, Verdict

SMOKE_RECIPE = "smoke"
# Than the most frequent label, one number, or a cheap model.
_NO_BETTER = "no_better_than"


def judge_smoke(verdict: Verdict, *, num_examples: int) -> Verdict:
    """Turn the verdict that a full run would get into a smoke run's.

    Parameters
    ----------
    verdict
        Of `judge` or `judge_numbers`.
    num_examples
        Test examples that were scored and have a label; without one the verdict stands.
    """
    if not num_examples:
        return verdict
    return replace(
        verdict,
        passed=True,
        outcome="passed",
        reason=f"a smoke run: the model was evaluated, not judged, and is published as a trial; {verdict.reason}",
        findings=tuple(
            replace(finding, severity="note") if _is_about_quality(finding) else finding for finding in verdict.findings
        ),
    )


def _is_about_quality(finding: Finding) -> bool:
    return finding.severity == "blocking" or finding.name.startswith(_NO_BETTER)
