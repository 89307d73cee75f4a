"""Ingestion as a job: a source in, the example table, a report and a verdict out."""

from dataclasses import dataclass
import logging
from pathlib import Path

import fsspec

from components.data_ingestion.images.ingestion import ImageTables, ingest_images
from components.data_ingestion.images.labels import ImageListing
from components.data_ingestion.images.photo_sources import photos_of_folder, photos_of_table
from components.data_ingestion.images.reading import ImageReader, LocalReader
from components.data_ingestion.ingestion_facts import IngestionFacts
from components.data_ingestion.ingestion_report import ingestion_report
from components.data_ingestion.ingestion_verdict import ingestion_verdict, MAX_QUARANTINED_SHARE
from components.data_ingestion.known_datasets import digits_listing, DigitsReader, pets_folder, pets_listing
from components.data_ingestion.pool import write_empty_pool
from components.data_ingestion.table_scan import scanned_table
from components.data_ingestion.tables.ingestion import ingest_tables
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.problem import parse_problem, Problem, SPLIT_NAMES
from components.shared.contracts.split_record import known_splits, KnownSplits, write_split_record
from components.shared.contracts.verdict import write_verdict
from components.shared.runtime.atomic_files import atomic_folder, write_json
from components.shared.tables.sources import check_source, companion_file, companion_uri, EMBEDDED_SOURCES
from components.shared.tables.table_recognition import table_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestionOutputs:
    """Where an ingestion writes.

    Attributes
    ----------
    examples
        Folder of the example table: whole or not at all.
    pool
        Folder of the example table of what has no label; None for `pool` beside that of the examples.
    report, verdict
        HTML and JSON file.
    metrics
        JSON file for the result's numbers; None writes none.
    splits
        File for content id and split of every example, which the model's bundle keeps; None writes none.
    """

    examples: str | Path
    report: str | Path
    verdict: str | Path
    pool: str | Path | None = None
    metrics: str | Path | None = None
    splits: str | Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestionResult:
    """What a caller needs to know of an ingestion.

    Attributes
    ----------
    counts
        Examples by split and label, `{"train": {"cat": 350, ...}, ...}`; unlabelled ones under the empty string.
    num_pool
        Photos without a label: in the pool, not in the example table.
    num_quarantined
        Files or rows that could not be used.
    num_duplicates
        Exact copies: dropped images, or rows that repeat an earlier one.
    passed, reason
        The verdict.
    """

    num_examples: int
    counts: dict[str, dict[str, int]]
    num_pool: int
    num_quarantined: int
    num_duplicates: int
    passed: bool
    reason: str

    @property
    def numbers(self) -> dict[str, int]:
        """The counts, for metrics."""
        names = ("num_examples", "num_pool", "num_quarantined", "num_duplicates")
        return {name: getattr(self, name) for name in names}


def ingest_examples(
    *,
    source: str,
    problem: Problem | str,
    outputs: IngestionOutputs,
    max_quarantined_share: float = MAX_QUARANTINED_SHARE,
) -> IngestionResult:
    """Turn a data source into the example table, split and free of duplicates.

    Parameters
    ----------
    source
        `digits`, `pets`, or a folder of images (with a `labels.csv` or without) or a table, of rows or of photos, as a
        local path or an fsspec URI.
    problem
        What the problem file says, or its text; what it leaves open is inferred.
    outputs
        Where the example table, the report, the verdict and the metrics go.
    max_quarantined_share
        Share of files or rows that may be unusable, 0 to 1, before the verdict is failed.

    Returns
    -------
    IngestionResult
        With `passed` false where the data are there but should not be used.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `source`, or no test file, table or bundle where the problem file's split says.
    ValueError
        If nothing can be made of the source, or the problem file does not fit it.
    ConnectionError
        If a data set cannot be downloaded.
    """
    check_source(source)
    if isinstance(problem, str):
        problem = parse_problem(problem)
    pool = Path(outputs.examples).parent / "pool" if outputs.pool is None else outputs.pool
    with atomic_folder(pool) as pool_part, atomic_folder(outputs.examples) as part:
        ingested = _ingested(source, problem, ImageTables(examples=part, pool=pool_part))
    for sentence in ingested.inferred:
        logger.info("inferred: %s", sentence)
    verdict = ingestion_verdict(ingested, max_quarantined_share=max_quarantined_share)
    ingestion_report(ingested, verdict, source=source).write(outputs.report)
    write_verdict(outputs.verdict, verdict)
    result = IngestionResult(
        num_examples=ingested.num_examples,
        counts={split: dict(labels) for split, labels in ingested.counts.items()},
        num_pool=ingested.num_pool,
        num_quarantined=ingested.num_quarantined,
        num_duplicates=ingested.num_duplicates,
        passed=verdict.passed,
        reason=verdict.reason,
    )
    if outputs.metrics is not None:
        task = ExampleTable(outputs.examples).info.task
        write_json(outputs.metrics, {**result.numbers, "counts": result.counts, "task": task})
    if outputs.splits is not None:
        write_split_record(outputs.splits, ExampleTable(outputs.examples))
    return result


def _ingested(source: str, problem: Problem, tables: ImageTables) -> IngestionFacts:
    known = None if problem.split.like is None else known_splits(companion_uri(source, problem.split.like))
    images = _images(source, problem)
    if images is not None:
        if problem.asked_task == "regression":
            raise ValueError(f"the problem file says task regression, but {source} holds images, which take classes")
        listing, reader = images
        return ingest_images(listing, reader, source=source, problem=problem, tables=tables, known=known)
    facts = _ingested_table(source, problem, tables.examples, known)
    write_empty_pool(tables.pool, tables.examples)
    return facts


def _images(source: str, problem: Problem) -> tuple[ImageListing, ImageReader] | None:
    """The images of a source and how to read them; None for a table of texts or numbers."""
    if source not in EMBEDDED_SOURCES and not _is_folder(source):
        return photos_of_table(source, problem)
    if problem.modality not in (None, "image"):
        raise ValueError(f"the problem file says modality {problem.modality}, but {source} holds images: name a table")
    if source == "digits":
        return digits_listing(), DigitsReader()
    if source == "pets":
        folder = pets_folder()
        annotations = (folder / "annotations" / "list.txt").read_text(encoding="utf-8")
        return pets_listing(annotations), LocalReader(str(folder))
    return photos_of_folder(source, problem)


def _ingested_table(source: str, problem: Problem, examples_path: Path, known: KnownSplits | None) -> IngestionFacts:
    file = table_file(source, problem.table, problem.repairs)
    file.check_repairs()
    tables = [scanned_table(file)]
    if problem.split.test_file is not None:
        test_file = companion_file(source, problem.split.test_file)
        second = table_file(test_file, problem.table, problem.repairs)
        tables.append(scanned_table(second, pinned=SPLIT_NAMES.index("test")))
    return ingest_tables(tables, problem=problem, examples_path=examples_path, known=known)


def _is_folder(source: str) -> bool:
    filesystem, path = fsspec.core.url_to_fs(source)
    return bool(filesystem.isdir(path))
