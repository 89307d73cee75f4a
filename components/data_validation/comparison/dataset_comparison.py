"""Two datasets compared: schema, then the distribution of every column and of all together, then rows and label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
import math

import numpy as np
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.data_validation.comparison.comparison_verdict import comparison_remarks, comparison_verdict
from components.data_validation.comparison.dataset_profile import DatasetProfile, EMBEDDING_COLUMN
from components.data_validation.comparison.dataset_target_leakage import dataset_target_leakage
from components.data_validation.comparison.drift_features import binned_features, embedding_matrix, joint_vectors
from components.data_validation.comparison.drift_findings import Compared, drift_findings, Relation
from components.data_validation.comparison.schema_changes import schema_changes
from components.data_validation.comparison.unit_change import unit_change, UnitChange
from components.data_validation.comparison.watched_slices import with_watched_slices
from components.data_validation.quality.column_checks import infinite_findings
from components.data_validation.quality.key_mismatch import key_mismatches
from components.data_validation.quality.key_mismatch_findings import mismatch_findings
from components.data_validation.quality.personal_data_masking import anomalies_without_values, findings_without_values
from components.data_validation.quality.repeated_rows import duplicate_findings, leakage_findings
from components.data_validation.schemas.schema_inference import without_values
from components.drift.binned import BinnedFeature
from components.drift.comparison import compare_features, Comparison, DriftSettings
from components.shared.contracts.verdict import Finding, Verdict

# Unseen categories and repeated rows are tested exactly, apart from the permutations: a tenth of the rate each.
_EXACT_SHARE = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonOptions:
    """How two datasets are compared."""

    drift: DriftSettings = field(default_factory=DriftSettings)
    relation: Relation = "spans"  # `spans`: the current data are later; `serving`: they are served in the same period
    schema: schema_pb2.Schema | None = None  # a reviewed schema; None infers one from the reference
    leakage: bool = True  # whether rows found in both datasets are a fault


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetComparison:
    """What comparing two datasets gave; findings come most severe first, then by effect."""

    verdict: Verdict
    schema: schema_pb2.Schema  # what the current data were checked against
    anomalies: anomalies_pb2.Anomalies  # TFDV's, of the current data
    comparison: Comparison
    features: Mapping[str, BinnedFeature]  # the compared columns, binned, by name


def compare_datasets(
    reference: DatasetProfile, current: DatasetProfile, options: ComparisonOptions, *, remarks: Sequence[str] = ()
) -> DatasetComparison:
    """Compare two datasets; no pass where a finding blocks or a dataset has too few rows.

    `remarks` say what was assumed before, one sentence each. Slices that the reference pins are compared as columns.
    """
    reference, current, unwatched = with_watched_slices(reference, current)
    binned = binned_features(
        reference.sample, current.sample, reference_columns=reference.columns, current_columns=current.columns
    )
    features = {feature.name: feature for feature in binned}
    settings = options.drift
    exact_rate = settings.false_alarm_rate * _EXACT_SHARE
    rate = settings.false_alarm_rate - 2 * exact_rate
    calibrated = replace(
        settings, false_alarm_rate=rate, num_permutations=max(settings.num_permutations, math.ceil(1 / rate))
    )
    comparison = _comparison(reference, current, features, calibrated)
    schema, anomalies, schema_findings = schema_changes(
        reference, current, comparison, features, reviewed=options.schema, exact_rate=exact_rate
    )
    compared = Compared(
        comparison=comparison,
        features=features,
        columns=reference.columns,
        settings=settings,
        relation=options.relation,
        unit_changes=_unit_changes(comparison, features),
    )
    findings = [*schema_findings, *drift_findings(compared), *_row_findings(reference, current, options, exact_rate)]
    findings += _label_findings(reference, current)
    # Masked columns hold placeholders: only what nobody named needs to be hidden here.
    hidden = reference.noticed_columns | current.noticed_columns
    said = [*remarks, *unwatched, *comparison_remarks(reference, current, comparison)]
    return DatasetComparison(
        verdict=comparison_verdict(findings_without_values(findings, hidden), comparison, settings, said),
        schema=schema if options.schema is not None else without_values(schema, hidden),
        anomalies=anomalies_without_values(anomalies, hidden),
        comparison=comparison,
        features=features,
    )


def _comparison(
    reference: DatasetProfile, current: DatasetProfile, features: Mapping[str, BinnedFeature], settings: DriftSettings
) -> Comparison:
    if features:
        return compare_features(
            list(features.values()),
            joint=_joint(reference, current, features),
            ordered_in_time=reference.ordered_in_time and current.ordered_in_time,
            settings=settings,
        )
    # No column in common: the findings on the schema say so.
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


def _joint(
    reference: DatasetProfile, current: DatasetProfile, features: Mapping[str, BinnedFeature]
) -> tuple[np.ndarray, np.ndarray] | None:
    one, other = (embedding_matrix(profile.sample, EMBEDDING_COLUMN) for profile in (reference, current))
    embeddings = None
    if one is not None and other is not None and one.shape[1] == other.shape[1]:
        embeddings = one, other
    return joint_vectors(list(features.values()), reference.columns, embeddings=embeddings)


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


def _row_findings(
    reference: DatasetProfile, current: DatasetProfile, options: ComparisonOptions, exact_rate: float
) -> list[Finding]:
    findings = infinite_findings(current.summaries, where="the current data")
    findings += [] if current.personal_data is None else current.personal_data.findings()
    if reference.keyed_rows is not None and current.keyed_rows is not None:
        mismatches = key_mismatches(reference.keyed_rows, current.keyed_rows)
        findings += mismatch_findings(mismatches, masked=reference.masked_columns)
    findings += _dataset_quality(reference, current)
    # Of one period both datasets are meant to hold the same examples.
    overlap_is_a_fault = options.leakage and options.relation == "spans"
    if overlap_is_a_fault and reference.row_hashes is not None and current.row_hashes is not None:
        findings += leakage_findings(
            reference.row_hashes,
            current.row_hashes,
            reference="the reference",
            current="the current data",
            false_alarm_rate=exact_rate,
        )
    return findings


def _dataset_quality(reference: DatasetProfile, current: DatasetProfile) -> list[Finding]:
    """Rows that repeat within the current data, and features of either dataset that give its label away."""
    findings = []
    if current.row_hashes is not None:
        findings += duplicate_findings(current.row_hashes, table="the current data")
    found = [*dataset_target_leakage(reference), *dataset_target_leakage(current)]
    return findings + list({finding.column: finding for finding in reversed(found)}.values())


def _label_findings(reference: DatasetProfile, current: DatasetProfile) -> list[Finding]:
    versions = reference.label_version, current.label_version
    if None in versions or versions[0] == versions[1]:
        return []
    return [
        Finding(
            kind="concept_drift",
            severity="blocking",
            column=reference.label_column or "label",
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
