"""What people filled in, and what models labelled, merged into a new version of the example table."""

from collections.abc import Sequence
from dataclasses import dataclass
import logging
from pathlib import Path
import tempfile

from components.active_learning.label_requests import LabelRequests, read_label_requests
from components.active_learning.model_labels import read_model_labels
from components.active_learning.queue.answers import Fault
from components.active_learning.queue.examples import queue_examples
from components.active_learning.queue.folder import read_answers, REQUESTS_FOLDER
from components.active_learning.queue.imported import (
    import_metrics,
    import_verdict,
    imported_labels,
    ImportedLabels,
    MAX_REJECTED_SHARE,
    rejected_sheet,
    updates_of_models,
    with_refusals,
)
from components.active_learning.queue.report import import_report
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_versions.folder import check_no_other, version_folder
from components.shared.contracts.label_versions.merging import merge_updates, MergedLabels
from components.shared.contracts.split_record import write_split_record
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.atomic_files import write_json, write_text
from components.shared.runtime.step_record import keep_results, this_step
from components.shared.tables.sources import local_copy

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportOutputs:
    """Where an import writes.

    Attributes
    ----------
    examples
        Folder of the new example table: whole or not at all, and never in place of another.
    splits
        Content id and split of every example, which the model's bundle keeps.
    report, verdict, metrics
        HTML, and JSON files.
    rejected
        CSV of the rows that were left out.
    """

    examples: str | Path
    splits: str | Path
    report: str | Path
    verdict: str | Path
    metrics: str | Path
    rejected: str | Path


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportResult:
    """Outcome of `import_labels`.

    Attributes
    ----------
    merged
        What the merge did.
    faults
        What is wrong with rows of the files.
    passed, reason
        The verdict.
    """

    merged: MergedLabels
    faults: tuple[Fault, ...]
    passed: bool
    reason: str
    metrics: dict[str, float]


def import_labels(
    *,
    examples_path: str | Path,
    outputs: ImportOutputs,
    pool_path: str | Path | None = None,
    queue_uri: str = "",
    labels_uri: str = "",
    model_labels_path: str | Path | None = None,
    max_rejected_share: float = MAX_REJECTED_SHARE,
) -> ImportResult:
    """Merge labels by people and models into a new version of an example table; a row that does not fit is left out.

    The new table appears last, when all else is written: a process that is killed leaves what was there before.

    Parameters
    ----------
    examples_path
        The example table, of classes; it stays as it is.
    outputs
        What is written.
    pool_path
        The pool that rows come from; None where all are unlabelled rows of the table.
    queue_uri
        The queue that `export_queue` wrote, or label requests: a path, a `pvc://`, or an fsspec URI.
    labels_uri
        What people filled in: a CSV or an export of Label Studio, or a folder of several; empty for none.
    model_labels_path
        Labels by models that the guard admitted; None for none.
    max_rejected_share
        Share of people's labels, 0 to 1, that may be left out before the verdict is failed.

    Raises
    ------
    FileNotFoundError
        If something is not there.
    ValueError
        If a file cannot be read at all, a table does not fit, labels are numbers, or another table lies at the output.
    """
    table = ExampleTable(examples_path)
    pool = None if pool_path is None else ExampleTable(pool_path)
    imported = _by_people(table, pool, queue_uri, labels_uri)
    by_models = [] if model_labels_path is None else updates_of_models(read_model_labels(model_labels_path))
    with version_folder(outputs.examples, table) as part:
        merged = merge_updates(table, [*imported.updates, *by_models], part, pool=pool)
        check_no_other(outputs.examples, part)
        with_refusals(imported, merged.refused)
        version = ExampleTable(part)
        write_split_record(outputs.splits, version)
        verdict = import_verdict(imported, merged, max_rejected_share=max_rejected_share)
        metrics = import_metrics(imported, merged)
        import_report(imported, merged, version.info.lineage, verdict).write(outputs.report)
        _write_results(outputs, imported, verdict, metrics)
    logger.info("%s", verdict.reason)
    return ImportResult(
        merged=merged, faults=tuple(imported.faults), passed=verdict.passed, reason=verdict.reason, metrics=metrics
    )


def _by_people(table: ExampleTable, pool: ExampleTable | None, queue_uri: str, labels_uri: str) -> ImportedLabels:
    """What people said, checked against the queue; nothing where there are no files."""
    if not labels_uri.strip():
        return ImportedLabels()
    with tempfile.TemporaryDirectory() as scratch:
        requests = _requests(local_copy(queue_uri, Path(scratch) / "queue", what="the queue"))
        examples = queue_examples(requests.requests, _tables(table, pool))
        labels = local_copy(labels_uri, Path(scratch) / "labels", what="the labels")
        read, files = read_answers(labels, [example.check for example in examples])
    return imported_labels(read, examples, requests.class_names, files=files)


def _tables(table: ExampleTable, pool: ExampleTable | None) -> Sequence[ExampleTable]:
    return [table] if pool is None else [pool, table]


def _requests(queue: Path) -> LabelRequests:
    inside = queue / REQUESTS_FOLDER
    return read_label_requests(inside if inside.is_dir() else queue)


def _write_results(
    outputs: ImportOutputs, imported: ImportedLabels, verdict: Verdict, metrics: dict[str, float]
) -> None:
    write_text(outputs.rejected, rejected_sheet(imported.faults))
    write_verdict(outputs.verdict, verdict)
    write_json(outputs.metrics, metrics)
    keep_results(this_step(), {"verdict": outputs.verdict, "metrics": outputs.metrics, "report": outputs.report})
