"""The verdict of a comparison: whether it passes, and what was assumed on the way."""

from collections.abc import Sequence

from components.data_validation.comparison.dataset_profile import DatasetProfile
from components.data_validation.reports.findings_table import blocking_reason, most_severe_first
from components.drift.comparison import Comparison, DriftSettings
from components.shared.contracts.verdict import Finding, Verdict

CHECK = "comparison"
_KIND_WORDS = {
    "schema_drift": "schema drift",
    "data_drift": "data drift",
    "data_skew": "data skew",
    "concept_drift": "concept drift",
    "quality": "a quality problem",
}


def comparison_remarks(reference: DatasetProfile, current: DatasetProfile, comparison: Comparison) -> list[str]:
    """What was recognised in the two datasets, and what limits their comparison, one sentence each."""
    said = [
        remark if profile.name in remark else f"{profile.name}: {remark}"
        for profile in (reference, current)
        for remark in profile.remarks
    ]
    if reference.has_label and not current.has_label:
        said.append("the current data have no label: they are held against the schema of the environment SERVING")
    said += [
        f"{profile.name}: distributions are compared on a random sample of {profile.sample.num_rows:,} of its "
        f"{profile.num_rows:,} rows; schema and statistics see all of them"
        for profile in (reference, current)
        if profile.sample.num_rows < profile.num_rows
    ]
    if comparison.blocks_may_be_dependent:
        said.append(
            "neighbouring rows depend on each other over longer times than the sides can tell: alarms are more "
            "frequent than stated; compare longer spans"
        )
    few = [name for name, feature in comparison.features.items() if feature.insufficient]
    if few and not comparison.insufficient:
        said.append(f"too few values to judge drift: {', '.join(few)}")
    return said


def comparison_verdict(
    findings: Sequence[Finding], comparison: Comparison, settings: DriftSettings, remarks: Sequence[str]
) -> Verdict:
    """No pass where a finding blocks or the samples are too small to say anything of drift."""
    ordered = most_severe_first(findings)
    said = tuple(remarks)
    if reason := blocking_reason(ordered):
        kinds = dict.fromkeys(_KIND_WORDS[finding.kind] for finding in ordered if finding.severity == "blocking")
        reason = f"{' and '.join(kinds)}: {reason}"
        return Verdict(check=CHECK, passed=False, reason=reason, findings=ordered, remarks=said)
    if comparison.insufficient:
        return Verdict(
            check=CHECK,
            passed=False,
            outcome="insufficient_sample",
            reason=f"insufficient sample: each side must have {settings.min_sample} rows, there are "
            f"{comparison.num_reference:,} and {comparison.num_current:,}; nothing can be said of drift",
            findings=ordered,
            remarks=said,
        )
    reason = f"no change that matters in {len(comparison.features)} columns"
    if ordered:
        reason += f"; {len(ordered)} findings, none of them blocking"
    return Verdict(check=CHECK, passed=True, reason=reason, findings=ordered, remarks=said)
