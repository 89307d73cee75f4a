"""Mock data as a job: a schema in; a raw source that ingestion reads, and its problem file, out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.mock_data.column_distributions import missing_rows
from components.mock_data.mock_columns import column_array, mock_columns
from components.mock_data.mock_images import mock_images
from components.mock_data.mock_source import mock_plan, MockPlan, MockSettings
from components.mock_data.mock_texts import mock_texts
from components.mock_data.planted_signal import best_accuracy, shown_classes
from components.shared.contracts.problem import Modality, Problem
from components.shared.runtime.atomic_files import atomic_file, atomic_folder, write_text
from components.shared.runtime.settings_text import settings_yaml
from components.shared.tables.photo_file_names import is_debris

IMAGE_FOLDER = "images"
TABLE_FILE = "table.parquet"
PROBLEM_FILE = "problem.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class MockSource:
    """What was made.

    Attributes
    ----------
    source_path
        What ingestion reads: a folder of images or a Parquet file.
    problem_path
        The problem file that goes with it.
    counts
        Examples by class; empty where the source holds no label.
    best_accuracy
        Accuracy, 0 to 1, that no model is expected to exceed.
    """

    modality: Modality
    source_path: Path
    problem_path: Path
    num_examples: int
    counts: Mapping[str, int]
    best_accuracy: float


def make_mock_source(
    *,
    schema: schema_pb2.Schema,
    settings: MockSettings,
    output_path: str | Path,
    statistics: statistics_pb2.DatasetFeatureStatistics | None = None,
    problem: Problem | None = None,
) -> MockSource:
    """Make a raw source whose example table keeps to a schema.

    Parameters
    ----------
    schema
        Of an example table or of a raw table: `read_schema` or `builtin_schema`.
    settings
        How many examples, how much signal, which seed.
    output_path
        Folder to write: `images/` with a folder a class, or `table.parquet`; and `problem.yaml`.
    statistics
        Of the data that the mock is to resemble; None draws from the schema alone.
    problem
        The problem file of the real data: its personal, sensitive and slice columns keep their roles.

    Returns
    -------
    MockSource
        Where it lies, and what can be expected of it.

    Raises
    ------
    ValueError
        If the schema demands what no source of this modality can hold, or there are too few examples for it.
    """
    plan = mock_plan(schema, settings, statistics=statistics, problem=problem)
    rng = np.random.default_rng(settings.seed)
    counts = plan.labels.counts(settings.num_examples)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    shares = counts / counts.sum()
    shown = shown_classes(labels, shares, settings.signal, rng)
    folder = Path(output_path)
    if plan.modality == "image":
        source = _write_images(folder / IMAGE_FOLDER, plan, labels, shown, rng)
    else:
        source = _write_table(folder / TABLE_FILE, plan, labels, shown, rng)
    write_text(folder / PROBLEM_FILE, _problem_text(plan))
    return MockSource(
        modality=plan.modality,
        source_path=source,
        problem_path=folder / PROBLEM_FILE,
        num_examples=settings.num_examples,
        counts=dict(zip(plan.labels.names, counts.tolist(), strict=True)) if plan.is_labelled else {},
        best_accuracy=best_accuracy(shares, settings.signal),
    )


def _write_images(path: Path, plan: MockPlan, labels: np.ndarray, shown: np.ndarray, rng: np.random.Generator) -> Path:
    folders = [_folder_name(name) if plan.is_labelled else "." for name in plan.labels.names]
    with atomic_folder(path) as part:
        for name in folders:
            (part / name).mkdir(exist_ok=True)
        images = mock_images(shown, len(folders), plan.measures, rng)
        for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            (part / folders[label] / f"{number:06d}{image.suffix}").write_bytes(image.data)
    return path


def _folder_name(label: str) -> str:
    if "/" in label or "\0" in label or is_debris(label) or label != label.strip():
        raise ValueError(f"the classes of images must be names that a folder can have, got {label!r}")
    return label


def _write_table(path: Path, plan: MockPlan, labels: np.ndarray, shown: np.ndarray, rng: np.random.Generator) -> Path:
    num_classes = len(plan.labels.names)
    columns: dict[str, pa.Array] = {}
    if plan.text is not None:
        columns[plan.text] = pa.array(mock_texts(shown, num_classes, plan.measures, rng), pa.string())
    columns.update(mock_columns(shown, num_classes, plan.table, rng))
    if plan.is_labelled:
        columns[plan.label] = _label_array(plan, labels, rng)
    with atomic_file(path) as part:
        pq.write_table(pa.table(columns), part)
    return path


def _label_array(plan: MockPlan, labels: np.ndarray, rng: np.random.Generator) -> pa.Array:
    names = [plan.labels.names[label] for label in labels.tolist()]
    missing = np.zeros(len(names), dtype=bool)
    if plan.label_rule is None:
        return pa.array(names, pa.string())
    if plan.label_statistics is not None:
        missing = missing_rows(plan.label_rule, plan.label_statistics, rng, len(names))
    return column_array(names, missing, plan.label_rule)


def _problem_text(plan: MockPlan) -> str:
    """The problem file: what ingestion could not infer, or might infer otherwise."""
    content: dict[str, object] = {"modality": plan.modality}
    if plan.modality != "image" and plan.is_labelled:
        content["label"] = {"column": plan.label}
    if plan.text is not None:
        content["text"] = plan.text
    content.update({role: list(names) for role, names in plan.roles.items() if names})
    return settings_yaml(content)
