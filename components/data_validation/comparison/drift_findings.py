"""What a calibrated comparison says, as findings: which kind of change, how large, which values, what to do.

A difference blocks where it is both significant and material. A significant one that is too small to matter is a note.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from components.data_validation.comparison.unit_change import UnitChange
from components.data_validation.reports.short_text import short
from components.data_validation.schemas.materiality import share_change_chance
from components.data_validation.tables.arrow_lists import ExaminedColumn
from components.drift.binned import BinnedFeature
from components.drift.comparison import Comparison, DriftSettings, FeatureComparison
from components.drift.resampling import side_counts
from components.shared.contracts.example_table import ColumnRole
from components.shared.contracts.verdict import Finding, FindingKind, ResponsibleValue, Severity

Relation = Literal["spans", "serving"]
BALANCED_ROLES: tuple[ColumnRole, ...] = ("label", "slice", "sensitive")
MISSING_CHANGED = "MISSING_SHARE_CHANGED"
_FALLEN_RATIO = 2.0 / 3.0
_MIN_REFERENCE_SHARE = 0.01
_MISSING_BLOCKING = 0.20
_STATISTIC_WORDS = {
    "kolmogorov_smirnov": "Kolmogorov-Smirnov distance",
    "jensen_shannon_divergence": "Jensen-Shannon divergence",
    "chi_squared": "chi-squared",
    "l_infinity": "L-infinity distance",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """A comparison and what is known of its columns."""

    comparison: Comparison
    features: Mapping[str, BinnedFeature]  # binned, by name
    columns: Sequence[ExaminedColumn]
    settings: DriftSettings
    relation: Relation = "spans"  # `serving`: data of the same period, so a difference is a mismatch
    unit_changes: Mapping[str, UnitChange] = field(default_factory=dict)  # columns whose change one factor explains
    names: tuple[str, str] = ("training", "serving")  # of the two datasets of a mismatch, in messages

    def role_of(self, name: str) -> ColumnRole:
        """Role of a column."""
        return self._column(name).role

    def is_balanced(self, name: str) -> bool:
        """Whether a column has classes or groups whose shares count; a label that is a number has none."""
        column = self._column(name)
        return column.role in BALANCED_ROLES and not (column.role == "label" and column.kind == "float")

    def _column(self, name: str) -> ExaminedColumn:
        return next(column for column in self.columns if column.name == name)


def drift_findings(compared: Compared) -> list[Finding]:
    """Findings of kind `data_drift`, `data_skew` and `quality` (missing values), the largest effect first.

    There are none where the samples are too small.
    """
    found = compared.comparison.features.values()
    findings = [_distribution_finding(feature, compared) for feature in found if feature.significant]
    findings += [_missing_finding(feature, compared) for feature in found if feature.missing_significant]
    blocking = [finding for finding in findings if finding.severity == "blocking"]
    joint = compared.comparison.joint
    if joint is not None and joint.significant:
        findings.append(_joint_finding(compared, alone=not blocking))
    return sorted(findings, key=lambda finding: -(finding.effect_size or 0.0))


def _distribution_finding(feature: FeatureComparison, compared: Compared) -> Finding:
    role = compared.role_of(feature.name)
    rate = compared.settings.false_alarm_rate
    fallen = _fallen_classes(compared.features[feature.name], rate) if compared.is_balanced(feature.name) else {}
    if fallen:
        return _balance_finding(feature, role, fallen)
    kind, name, subtype = _kind_of(role, compared.relation)
    unit = compared.unit_changes.get(feature.name)
    statistic = feature.statistics[feature.strongest]
    severity: Severity = "blocking" if feature.material else "note"
    return Finding(
        kind=kind,
        severity=severity,
        column=feature.name,
        name=name,
        subtype=subtype,
        statistic=_STATISTIC_WORDS.get(feature.strongest, feature.strongest),
        value=statistic.value,
        threshold=statistic.threshold,
        message=_drift_message(feature, role, compared, unit),
        remedy=_drift_remedy(role, compared.relation, unit, material=feature.material),
        **_evidence(feature),
    )


def _evidence(feature: FeatureComparison) -> dict[str, Any]:
    return {
        "columns": (feature.name,),
        "values": tuple(
            ResponsibleValue(
                value=short(bin_.name), reference_share=bin_.reference_share, current_share=bin_.current_share
            )
            for bin_ in feature.changed_bins
        ),
        "num_reference": feature.num_reference,
        "num_current": feature.num_current,
        "effect": feature.effect,
        "effect_size": feature.effect_size,
        "p_value": feature.p_value,
        "significant": True,
        "material": feature.material,
    }


def _kind_of(role: ColumnRole, relation: Relation) -> tuple[FindingKind, str, str]:
    if role == "label":
        return "data_drift", "LABEL_DRIFT", "label"
    if role == "prediction":
        return "data_drift", "PREDICTION_DRIFT", "prediction"
    if relation == "serving":
        return "data_skew", "TRAINING_SERVING_SKEW", "feature"
    return "data_drift", "DATA_DRIFT", "feature"


def _drift_message(feature: FeatureComparison, role: ColumnRole, compared: Compared, unit: UnitChange | None) -> str:
    subject = {"label": "label ", "prediction": "prediction "}.get(role, "")
    mismatch = f"differs between {' and '.join(compared.names)}"
    what = mismatch if compared.relation == "serving" else "has drifted"
    statistic = feature.statistics[feature.strongest]
    text = (
        f"{subject}column {feature.name!r} {what}: {feature.effect_size:.1%} of its values lie differently "
        f"({_STATISTIC_WORDS.get(feature.strongest, feature.strongest)} {statistic.value:.3g}, by chance at most "
        f"{statistic.threshold:.3g})"
    )
    if unit is not None:
        text += f"; {unit.words}"
    elif feature.changed_bins:
        top = feature.changed_bins[0]
        text += f"; most of all {short(top.name)!r}, from {top.reference_share:.1%} to {top.current_share:.1%}"
    return text if feature.material else f"{text}: more than chance, but too small to matter"


def _drift_remedy(role: ColumnRole, relation: Relation, unit: UnitChange | None, *, material: bool) -> str:
    if not material:
        return "nothing to do; watch whether it grows"
    if unit is not None:
        return "repair the data processing so that both sides use one unit"
    if relation == "serving" and role not in ("label", "prediction"):
        return "compare the feature code of training and serving, and repair the one that is wrong"
    if role == "label":
        return "check that labels mean the same on both sides; if they do, retrain with recent labels"
    if role == "prediction":
        return "look at the drifted inputs first; collect labels of recent examples and measure the model on them"
    return "check the data processing of this column; if the world has changed, collect labels and retrain"


def _fallen_classes(feature: BinnedFeature, false_alarm_rate: float) -> dict[str, tuple[float, float]]:
    """Values whose share fell by a third or more, beyond chance, with both shares: they are now collected too little.

    Of many small groups one falls that far in every sample, so each is tested by itself with all of them counted.
    """
    counts = [counts[1:].tolist() for counts in side_counts(feature)]
    totals = [sum(one) for one in counts]
    fallen = {}
    for name, before, after in zip(feature.bin_names, *counts, strict=True):
        shares = before / totals[0], after / totals[1]
        far = shares[0] >= _MIN_REFERENCE_SHARE and shares[1] <= _FALLEN_RATIO * shares[0]
        chance = share_change_chance(before, totals[0], after, totals[1]) * feature.num_bins
        if far and chance < false_alarm_rate:
            fallen[name] = shares
    return fallen


def _balance_finding(
    feature: FeatureComparison, role: ColumnRole, fallen: Mapping[str, tuple[float, float]]
) -> Finding:
    farthest_first = sorted(fallen.items(), key=lambda item: item[1][1] / item[1][0])
    name, (before, after) = farthest_first[0]
    what = "class" if role == "label" else "group"
    more = f", and {len(fallen) - 1} more fell by a third or more" if len(fallen) > 1 else ""
    values = tuple(
        ResponsibleValue(value=short(value), reference_share=shares[0], current_share=shares[1])
        for value, shares in farthest_first
    )
    return Finding(
        kind="data_skew",
        severity="blocking",
        column=feature.name,
        name="CLASS_SHARE_FELL" if role == "label" else "GROUP_SHARE_FELL",
        subtype="label" if role == "label" else "group",
        statistic=f"share of the {what} now, for its share before",
        value=after / before,
        threshold=_FALLEN_RATIO,
        message=f"the {what} {short(name)!r} of column {feature.name!r} is collected less: its share fell from "
        f"{before:.1%} to {after:.1%}{more}",
        remedy=f"find out why fewer examples of this {what} arrive; collect more, or weight it when training",
        **{**_evidence(feature), "values": values, "material": True},
    )


def _missing_finding(feature: FeatureComparison, compared: Compared) -> Finding:
    statistic = feature.missing
    feature_codes = compared.features[feature.name]
    shares = [float((codes == 0).mean()) for codes in (feature_codes.reference, feature_codes.current)]
    severity: Severity = "note"
    if feature.missing_material:
        severity = "blocking" if statistic.value >= _MISSING_BLOCKING else "warning"
    return Finding(
        kind="quality",
        severity=severity,
        column=feature.name,
        name=MISSING_CHANGED,
        statistic="difference of the shares of missing values",
        value=statistic.value,
        threshold=statistic.threshold,
        message=f"column {feature.name!r} lacks a value in {shares[1]:.1%} of the rows, in {shares[0]:.1%} of the "
        "reference",
        remedy="nothing to do; watch whether it grows"
        if severity == "note"
        else "find out why the values are missing, and fill or collect them",
        columns=(feature.name,),
        num_reference=compared.comparison.num_reference,
        num_current=compared.comparison.num_current,
        effect="difference of shares",
        effect_size=statistic.value,
        p_value=statistic.p_value,
        significant=True,
        material=feature.missing_material,
    )


def _joint_finding(compared: Compared, *, alone: bool) -> Finding:
    """All columns together; it blocks where no column alone does (`alone`)."""
    joint = compared.comparison.joint
    assert joint is not None
    kind, _, _ = _kind_of("feature", compared.relation)
    more = "no column alone shows it: how they hang together has changed" if alone else "see the columns for where"
    return Finding(
        kind=kind,
        severity="blocking" if joint.material and alone else "note",
        name="JOINT_DRIFT",
        subtype="joint",
        statistic="squared maximum mean discrepancy",
        value=joint.value,
        threshold=joint.threshold,
        message=f"the columns together lie differently (effect {joint.effect_size:.2f} of 1); {more}",
        remedy="look at pairs of columns and at the source of the rows; if the world has changed, retrain",
        num_reference=compared.comparison.num_reference,
        num_current=compared.comparison.num_current,
        effect="separability of the two sides",
        effect_size=joint.effect_size,
        p_value=joint.p_value,
        significant=True,
        material=joint.material,
    )
