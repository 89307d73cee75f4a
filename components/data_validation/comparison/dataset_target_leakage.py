"""Features of one dataset that give its label away."""

from dataclasses import replace

from components.data_validation.comparison.dataset_profile import DatasetProfile
from components.data_validation.quality.target_leakage import target_leakage_findings
from components.shared.contracts.example_table import ColumnRole
from components.shared.contracts.verdict import Finding

# Each column costs some ten milliseconds.
MAX_COLUMNS = 1000
_JUDGED_ROLES: tuple[ColumnRole, ...] = ("feature", "slice", "sensitive")


def dataset_target_leakage(profile: DatasetProfile, *, derived: bool = False) -> list[Finding]:
    """Findings about columns that predict the label too well: blocking for features, else warnings.

    `derived` adds derived columns. In an example table they describe the payload, and all cats in PNG files are worth a
    warning; in a raw table the label may have been computed from them.
    """
    label = profile.label_column
    if label is None or label not in profile.sample.column_names:
        return []
    roles = {column.name: column.role for column in profile.columns if column.kind != "masked"}
    judged = (*_JUDGED_ROLES, "derived") if derived else _JUDGED_ROLES
    columns = [name for name, role in roles.items() if role in judged][:MAX_COLUMNS]
    found = target_leakage_findings(profile.sample, profile.sample.column(label).combine_chunks(), columns=columns)
    return [
        finding
        if roles[finding.column] == "feature" or finding.severity == "note"
        else replace(finding, severity="warning")
        for finding in found
    ]
