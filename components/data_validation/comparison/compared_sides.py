"""Two sides compared: schema, then the distribution of every column and of all together, then rows and label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.data_validation.comparison.drift_features import binned_features, embedding_matrix, joint_vectors
from components.data_validation.comparison.drift_findings import Compared, drift_findings, Relation
from components.data_validation.comparison.renamed_columns import renamed_columns
from components.data_validation.comparison.side_giveaways import side_giveaways
from components.data_validation.comparison.sides import EMBEDDING_COLUMN, Side
from components.data_validation.comparison.unit_change import unit_change, UnitChange
from components.data_validation.quality.column_checks import infinite_findings
from components.data_validation.quality.key_mismatch import key_mismatches
from components.data_validation.quality.key_mismatch_findings import mismatch_findings
from components.data_validation.quality.repeated_rows import duplicate_findings, leakage_findings, RepetitionSettings
from components.data_validation.reports.findings_table import blocking_reason, most_severe_first
from components.data_validation.schemas.anomalies import (
    anomaly_findings,
    PRESENCE,
    TYPE_CHANGED,
)
from components.data_validation.schemas.anomalies import (
    Comparison as SchemaComparison,
)
from components.data_validation.schemas.materiality import Materiality
from components.data_validation.schemas.schema_inference import SERVING, TRAINING, training_schema
from components.data_validation.schemas.schema_validation import validate_against_schema
from components.data_validation.statistics.quiet_tfdv import tfdv
from components.drift.binned import BinnedFeature
from components.drift.comparison import compare_features, Comparison, DriftSettings
from components.shared.verdict import Finding, Verdict

CHECK = "comparison"
# Unseen categories and repeated rows are tested exactly, apart from the permutations: a share of the rate is theirs.
_EXACT_SHARE = 0.2
_KIND_WORDS = {
    "schema_drift": "schema drift",
    "data_drift": "data drift",
    "data_skew": "data skew",
    "concept_drift": "concept drift",
    "quality": "a quality problem",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonOptions:
    """How two sides are compared.

    Attributes
    ----------
    drift
        The two keys of an alarm, and the least sample.
    relation
        What the current side is to the reference: later data, or what is served in the same period.
    schema
        A reviewed schema; by default one is inferred from the reference.
    leakage
        Whether rows that stand on both sides are a fault.
    """

    drift: DriftSettings = field(default_factory=DriftSettings)
    relation: Relation = "spans"
    schema: schema_pb2.Schema | None = None
    leakage: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedSides:
    """What comparing two sides gave.

    Attributes
    ----------
    verdict
        With all findings, most severe first, within a severity the largest effect first.
    schema
        The schema that the current side was held against.
    anomalies
        TFDV's anomalies of the current side.
    comparison, features
        The calibrated comparison, and its binned features by name.
    """

    verdict: Verdict
    schema: schema_pb2.Schema
    anomalies: anomalies_pb2.Anomalies
    comparison: Comparison
    features: Mapping[str, BinnedFeature]


def compare_sides(
    reference: Side, current: Side, options: ComparisonOptions, *, remarks: Sequence[str] = ()
) -> ComparedSides:
    """Compare two sides.

    Parameters
    ----------
    reference
        What a model was trained on, or the earlier span.
    current
        What it sees now, or the later span.
    options
        How they are compared.
    remarks
        What was assumed before, one sentence each.

    Returns
    -------
    ComparedSides
        A verdict that is no pass where a finding blocks or a side has too few rows.
    """
    features = {feature.name: feature for feature in _features(reference, current)}
    settings = options.drift
    calibrated = replace(settings, false_alarm_rate=settings.false_alarm_rate * (1 - _EXACT_SHARE))
    comparison = _comparison(reference, current, features, calibrated)
    schema, anomalies, schema_findings = _schema_findings(reference, current, options, comparison)
    compared = Compared(
        comparison=comparison,
        features=features,
        columns=reference.columns,
        settings=settings,
        relation=options.relation,
        unit_changes=_unit_changes(comparison, features),
    )
    findings = [*schema_findings, *drift_findings(compared), *_row_findings(reference, current, options)]
    findings += _label_findings(reference, current)
    said = [*remarks, *_remarks(reference, current, comparison)]
    return ComparedSides(
        verdict=_verdict(findings, comparison, settings, said),
        schema=schema,
        anomalies=anomalies,
        comparison=comparison,
        features=features,
    )


def _comparison(
    reference: Side, current: Side, features: Mapping[str, BinnedFeature], settings: DriftSettings
) -> Comparison:
    if features:
        return compare_features(
            list(features.values()),
            joint=_joint(reference, current, features),
            ordered_in_time=reference.ordered_in_time and current.ordered_in_time,
            settings=settings,
        )
    # The sides have no column in common: the schema says so.
    rows = reference.sample.num_rows, current.sample.num_rows
    return Comparison(
        features={},
        joint=None,
        num_reference=rows[0],
        num_current=rows[1],
        block_rows=0,
        num_blocks=(0, 0),
        blocks_may_be_dependent=False,
        insufficient=min(rows) < settings.min_sample,
    )


def _features(reference: Side, current: Side) -> list[BinnedFeature]:
    return binned_features(
        reference.sample,
        current.sample,
        reference_columns=reference.columns,
        current_columns=current.columns,
    )


def _joint(
    reference: Side, current: Side, features: Mapping[str, BinnedFeature]
) -> tuple[np.ndarray, np.ndarray] | None:
    embeddings = [embedding_matrix(side.sample, EMBEDDING_COLUMN) for side in (reference, current)]
    both = (embeddings[0], embeddings[1]) if embeddings[0] is not None and embeddings[1] is not None else None
    if both is not None and both[0].shape[1] != both[1].shape[1]:
        both = None
    return joint_vectors(list(features.values()), reference.columns, embeddings=both)


def _schema_findings(
    reference: Side, current: Side, options: ComparisonOptions, comparison: Comparison
) -> tuple[schema_pb2.Schema, anomalies_pb2.Anomalies, list[Finding]]:
    masked = [column.name for column in reference.columns if column.kind == "masked"]
    environment = SERVING if reference.has_label and not current.has_label else TRAINING
    if options.schema is not None:
        anomalies, findings = validate_against_schema(
            current.statistics, options.schema, environment=environment, masked=masked
        )
        return options.schema, anomalies, list(findings)
    label = next((column.name for column in reference.columns if column.role == "label"), "")
    schema = training_schema(reference.statistics, label=label, masked=masked)
    if not current.num_rows or not schema.feature:
        return schema, anomalies_pb2.Anomalies(), []
    anomalies = tfdv.validate_statistics(current.statistics, schema, environment=environment)
    found = anomaly_findings(anomalies, _schema_comparison(reference, current, options))
    return schema, anomalies, _with_renames(_calibrated(found, comparison), reference, current)


def _schema_comparison(reference: Side, current: Side, options: ComparisonOptions) -> SchemaComparison:
    return SchemaComparison(
        current_name="the current data",
        reference_name="the reference",
        reference=reference.summaries,
        current=current.summaries,
        roles={column.name: column.role for column in (*reference.columns, *current.columns)},
        num_comparisons=max(len(reference.columns), 1),
        judge_missing=False,
        materiality=Materiality(false_alarm_rate=options.drift.false_alarm_rate * _EXACT_SHARE),
    )


def _calibrated(findings: Sequence[Finding], comparison: Comparison) -> list[Finding]:
    """TFDV's word on presence becomes a note where the share of missing values was tested itself."""
    kept = []
    for finding in findings:
        tested = finding.column in comparison.features and not comparison.insufficient
        if finding.name in PRESENCE and tested:
            finding = replace(finding, severity="note", significant=False)
        elif finding.name in TYPE_CHANGED and tested:
            # Whole numbers that became fractions are still numbers, and were compared as such.
            finding = replace(finding, severity="warning")
        kept.append(finding)
    return kept


def _with_renames(findings: Sequence[Finding], reference: Side, current: Side) -> list[Finding]:
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


def _unit_changes(comparison: Comparison, features: Mapping[str, BinnedFeature]) -> dict[str, UnitChange]:
    changes = {}
    for name, found in comparison.features.items():
        feature = features[name]
        if found.kind != "number" or not (found.significant and found.material):
            continue
        assert feature.reference_values is not None
        assert feature.current_values is not None
        change = unit_change(feature.reference_values, feature.current_values)
        # A factor that is no known unit may be a scaling by nature, of prices for one.
        if change is not None and change.name:
            changes[name] = change
    return changes


def _row_findings(reference: Side, current: Side, options: ComparisonOptions) -> list[Finding]:
    findings = infinite_findings(current.summaries, where="the current data")
    findings += [] if current.personal_data is None else current.personal_data.findings()
    if reference.keyed_rows is not None and current.keyed_rows is not None:
        masked = [column.name for column in reference.columns if column.kind == "masked"]
        findings += mismatch_findings(key_mismatches(reference.keyed_rows, current.keyed_rows), masked=masked)
    findings += _side_quality(reference, current)
    # In one period the same examples are meant to stand on both sides.
    overlap_is_a_fault = options.leakage and options.relation == "spans"
    if overlap_is_a_fault and reference.row_hashes is not None and current.row_hashes is not None:
        findings += leakage_findings(
            reference.row_hashes,
            current.row_hashes,
            reference="the reference",
            current="the current data",
            settings=RepetitionSettings(false_alarm_rate=options.drift.false_alarm_rate * _EXACT_SHARE),
        )
    return findings


def _side_quality(reference: Side, current: Side) -> list[Finding]:
    """What is wrong within a side: rows that repeat, and features that give the label away."""
    findings = []
    if current.row_hashes is not None:
        findings += duplicate_findings(current.row_hashes, table="the current data")
    found = [*side_giveaways(reference), *side_giveaways(current)]
    return findings + list({finding.column: finding for finding in reversed(found)}.values())


def _label_findings(reference: Side, current: Side) -> list[Finding]:
    versions = reference.label_version, current.label_version
    if None in versions or versions[0] == versions[1]:
        return []
    label = next((column.name for column in reference.columns if column.role == "label"), "label")
    return [
        Finding(
            kind="concept_drift",
            severity="blocking",
            column=label,
            name="LABEL_DEFINITION_CHANGED",
            subtype="declared",
            statistic="version of the label's definition",
            value=float(versions[1] or 0),
            threshold=float(versions[0] or 0),
            message=f"the label's definition changed from version {versions[0]} to {versions[1]}: the same example may "
            "now have another label",
            remedy="relabel the older examples by the new definition, then train again",
        )
    ]


def _remarks(reference: Side, current: Side, comparison: Comparison) -> list[str]:
    said = [f"{side.name}: {remark}" for side in (reference, current) for remark in side.remarks]
    if reference.has_label and not current.has_label:
        said.append("the current data have no label: they are held against the schema of the environment SERVING")
    said += [
        f"{side.name}: distributions are compared on a random sample of {side.sample.num_rows:,} of its "
        f"{side.num_rows:,} rows; schema and statistics see all of them"
        for side in (reference, current)
        if side.sample.num_rows < side.num_rows
    ]
    few = [name for name, feature in comparison.features.items() if feature.insufficient]
    if few and not comparison.insufficient:
        said.append(f"too few values to judge drift: {', '.join(few)}")
    return said


def _verdict(
    findings: Sequence[Finding], comparison: Comparison, settings: DriftSettings, remarks: Sequence[str]
) -> Verdict:
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
