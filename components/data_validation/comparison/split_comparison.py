"""The splits of one table compared beyond the schema: distributions, repeated rows, target leakage."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from components.data_validation.comparison.dataset_profile import DatasetProfile
from components.data_validation.comparison.dataset_target_leakage import dataset_target_leakage
from components.data_validation.comparison.drift_features import binned_features, joint_vectors
from components.data_validation.comparison.drift_findings import Compared, drift_findings
from components.data_validation.quality.repeated_rows import leakage_findings
from components.data_validation.quality.row_hashes import row_hashes
from components.drift.comparison import compare_features, DriftSettings
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.contracts.verdict import Finding

EVALUATION_SPLITS = ("validation", "test")
# Splits at random differ in 1 of 100 tables, not in 5: a table is split once, and a warning should mean something.
_FALSE_ALARM_RATE = 0.01
_IMAGE_BATCH_ROWS = 256


def split_mismatch_findings(splits: Mapping[str, DatasetProfile]) -> list[Finding]:
    """Warnings and notes about columns that lie differently in an evaluation split: what is measured there says less.

    None for a split too small to say. Missing values are judged elsewhere.
    """
    train = splits["train"]
    findings = []
    for split in EVALUATION_SPLITS:
        findings += [
            replace(finding, severity="warning" if finding.severity == "blocking" else "note")
            for finding in _mismatch(train, splits[split], split)
            if finding.kind != "quality"
        ]
    return findings


def split_row_findings(splits: Mapping[str, DatasetProfile], table: ExampleTable) -> list[Finding]:
    """Rows found in two splits, features that give the label away, and personal data nobody named."""
    train = splits["train"]
    hashes = _image_hashes(table) if table.info.modality == "image" else _row_hashes(splits)
    findings = []
    for split in EVALUATION_SPLITS:
        if len(hashes.get(split, ())) and len(hashes.get("train", ())):
            findings += leakage_findings(hashes["train"], hashes[split], reference="train", current=split)
    findings += dataset_target_leakage(train, derived=True)
    return findings + ([] if train.personal_data is None else train.personal_data.findings())


def _mismatch(train: DatasetProfile, other: DatasetProfile, split: str) -> list[Finding]:
    settings = DriftSettings(false_alarm_rate=_FALSE_ALARM_RATE / len(EVALUATION_SPLITS))
    if min(train.num_rows, other.num_rows) < settings.min_sample:
        return []
    features = binned_features(
        train.sample, other.sample, reference_columns=train.columns, current_columns=other.columns
    )
    comparison = compare_features(
        features,
        joint=joint_vectors(features, train.columns),
        ordered_in_time=train.ordered_in_time and other.ordered_in_time,
        settings=settings,
    )
    compared = Compared(
        comparison=comparison,
        features={feature.name: feature for feature in features},
        columns=train.columns,
        settings=settings,
        relation="serving",
        names=("training", f"the {split} split"),
    )
    return [replace(finding, name="SPLIT_MISMATCH", remedy=_REMEDY) for finding in drift_findings(compared)]


_REMEDY = (
    "set another split.salt in the problem file; where the split is by time, or given by the data, take the measured "
    "quality for what it is: that of other data than the training's"
)


def _row_hashes(splits: Mapping[str, DatasetProfile]) -> dict[str, np.ndarray]:
    return {split: profile.row_hashes for split, profile in splits.items() if profile.row_hashes is not None}


def _image_hashes(table: ExampleTable) -> dict[str, np.ndarray]:
    """Hashes of the encoded images by split, in one pass."""
    parts: dict[str, list[np.ndarray]] = {split: [] for split in SPLIT_NAMES}
    for split, images in _images(table):
        parts[split].append(row_hashes(images, ["image"]))
    return {split: np.concatenate(found) if found else np.zeros(0, np.uint64) for split, found in parts.items()}


def _images(table: ExampleTable) -> Iterator[tuple[str, pa.RecordBatch]]:
    for split in SPLIT_NAMES:
        for batch in table.iter_batches(["image"], splits=[split], batch_rows=_IMAGE_BATCH_ROWS):
            yield split, batch
