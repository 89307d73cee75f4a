"""The schemas of two datasets: what of the current one does not fit, once chance and renames are taken into account."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.data_validation.comparison.dataset_profile import DatasetProfile
from components.data_validation.comparison.renamed_columns import renamed_columns
from components.data_validation.schemas.anomalies import anomaly_findings, PRESENCE, TYPE_CHANGED
from components.data_validation.schemas.anomalies import Comparison as SchemaComparison
from components.data_validation.schemas.materiality import Materiality
from components.data_validation.schemas.schema_inference import SERVING, TRAINING, training_schema
from components.data_validation.schemas.schema_validation import validate_against_schema
from components.data_validation.statistics.quiet_tfdv import tfdv
from components.drift.binned import BinnedFeature
from components.drift.blocks import longest_memory
from components.drift.comparison import Comparison
from components.shared.contracts.verdict import Finding


def schema_changes(
    reference: DatasetProfile,
    current: DatasetProfile,
    comparison: Comparison,
    features: Mapping[str, BinnedFeature],
    *,
    reviewed: schema_pb2.Schema | None,
    exact_rate: float,
) -> tuple[schema_pb2.Schema, anomalies_pb2.Anomalies, list[Finding]]:
    """The schema that the current data are checked against, TFDV's anomalies, and the findings they come to.

    The schema is the `reviewed` one, or inferred from the reference. TFDV does not judge again what the calibrated
    comparison tested. `exact_rate`: chance of an alarm from unseen categories without drift, all columns counted.
    """
    environment = SERVING if reference.has_label and not current.has_label else TRAINING
    if reviewed is not None:
        anomalies, findings = validate_against_schema(
            current.statistics, reviewed, environment=environment, masked=reference.masked_columns
        )
        return reviewed, anomalies, list(findings)
    label = reference.label_column or ""
    schema = training_schema(reference.statistics, label=label, masked=reference.masked_columns)
    if not current.num_rows or not schema.feature:
        return schema, anomalies_pb2.Anomalies(), []
    anomalies = tfdv.validate_statistics(current.statistics, schema, environment=environment)
    found = anomaly_findings(anomalies, _schema_comparison(reference, current, features, exact_rate))
    return schema, anomalies, _with_renames(_calibrated(found, comparison, features, reference), reference, current)


def _schema_comparison(
    reference: DatasetProfile, current: DatasetProfile, features: Mapping[str, BinnedFeature], exact_rate: float
) -> SchemaComparison:
    ordered = reference.ordered_in_time and current.ordered_in_time
    categories = [feature for feature in features.values() if ordered and feature.kind == "category"]
    return SchemaComparison(
        current_name="the current data",
        reference_name="the reference",
        reference=reference.summaries,
        current=current.summaries,
        roles={column.name: column.role for column in (*reference.columns, *current.columns)},
        num_comparisons=max(len(reference.columns), 1),
        judge_missing=False,
        memory_rows={feature.name: longest_memory([feature]) for feature in categories},
        materiality=Materiality(false_alarm_rate=exact_rate, any_unseen_class_blocks=False),
    )


def _calibrated(
    findings: Sequence[Finding],
    comparison: Comparison,
    features: Mapping[str, BinnedFeature],
    reference: DatasetProfile,
) -> list[Finding]:
    """TFDV's findings on presence become notes where the share of missing values was tested itself."""
    kept = []
    empty = {name for name, summary in reference.summaries.items() if not summary.num_present}
    for finding in findings:
        tested = finding.column in comparison.features and not comparison.insufficient
        if finding.name in PRESENCE and tested:
            finding = replace(finding, severity="note", significant=False)
        elif finding.name in TYPE_CHANGED and finding.column in empty:
            finding = _filled_finding(finding)
        elif finding.name in TYPE_CHANGED and tested:
            finding = _number_type_finding(finding, features[finding.column])
        kept.append(finding)
    return kept


def _filled_finding(finding: Finding) -> Finding:
    """A column that had no value, and so no type."""
    return replace(
        finding,
        severity="warning",
        message=f"column {finding.column!r} has values now, and had none in the reference, which so says nothing of "
        "its type",
        remedy="find out what fills it now; a model learnt nothing of it",
    )


def _number_type_finding(finding: Finding, feature: BinnedFeature) -> Finding:
    """Whole numbers that became fractions, or the reverse; a note where only their form is another."""
    known = [values for values in (feature.reference_values, feature.current_values) if values is not None]
    if not known or any((values[np.isfinite(values)] % 1).any() for values in known):
        return replace(finding, severity="warning")
    return replace(
        finding,
        severity="note",
        message=f"{finding.message}; all its values are whole numbers on both sides: whole numbers are mostly stored "
        "as fractions where some are missing",
        remedy="nothing to do, unless the reader of the column minds its type",
    )


def _with_renames(findings: Sequence[Finding], reference: DatasetProfile, current: DatasetProfile) -> list[Finding]:
    gone = [finding.column for finding in findings if finding.name == "SCHEMA_MISSING_COLUMN"]
    new = [finding.column for finding in findings if finding.name == "SCHEMA_NEW_COLUMN"]
    matches = {match.old: match for match in renamed_columns(reference.sample, current.sample, gone=gone, new=new)}
    renamed = {match.new for match in matches.values()}
    kept = []
    for finding in findings:
        match = matches.get(finding.column)
        if finding.name == "SCHEMA_MISSING_COLUMN" and match is not None:
            finding = replace(
                finding,
                message=match.words,
                columns=(match.old, match.new),
                remedy=f"if {match.new!r} is {match.old!r}, rename it back in the data processing",
            )
        elif finding.name == "SCHEMA_NEW_COLUMN" and finding.column in renamed:
            finding = replace(finding, severity="note")
        kept.append(finding)
    return kept
