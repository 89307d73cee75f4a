"""A small table of comments, a pool beside it, and a queue of the pool's first examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from components.active_learning.jobs.export_queue import export_queue
from components.active_learning.jobs.import_labels import import_labels, ImportOutputs, ImportResult
from components.active_learning.label_requests import LabelRequest, write_label_requests
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.split_line import content_fingerprints
from components.shared.contracts.split_record import content_key

CLASSES = ("Bad", "좋음")
INFO = ExampleTableInfo(modality="text", class_names=CLASSES, column_roles={"length": "derived", "place": "metadata"})
EXTRA = {"length": pa.int32(), "place": pa.string()}


def write_table(
    path: Path,
    ids: Sequence[str],
    texts: Sequence[str],
    labels: Sequence[str | None],
    splits: Sequence[str | None],
    *,
    is_pool: bool = False,
    **more: Sequence[object],
) -> ExampleTable:
    """A table of comments; `more` are further columns that replace those of all rows."""
    from dataclasses import replace

    columns = {
        "example_id": pa.array(ids, pa.string()),
        "split": pa.array(splits, pa.string()),
        "label": pa.array(labels, pa.string()),
        "text": pa.array(texts, pa.string()),
        "content_id": pa.array(
            [content_key(text) for text in content_fingerprints([pa.array(texts, pa.string())])], pa.uint64()
        ),
        "length": pa.array([len(text) for text in texts], pa.int32()),
        "place": pa.array([f"place {number % 3}" for number in range(len(ids))], pa.string()),
    }
    with ExampleTableWriter(path, replace(INFO, is_pool=is_pool), extra_columns=EXTRA) as writer:
        if ids:
            writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return ExampleTable(path)


@dataclass(frozen=True, kw_only=True)
class SmallQueue:
    """A table, its pool, and the queue of some of the pool's examples."""

    folder: Path
    answers: Mapping[str, str]

    @property
    def examples(self) -> Path:
        return self.folder / "examples"

    @property
    def pool(self) -> Path:
        return self.folder / "pool"

    @property
    def queue(self) -> Path:
        return self.folder / "queue"

    def sheet(self) -> bytes:
        return (self.queue / "queue.csv").read_bytes()

    def tasks(self) -> bytes:
        return (self.queue / "label_studio_tasks.json").read_bytes()

    def outputs(self, name: str) -> ImportOutputs:
        out = self.folder / name
        return ImportOutputs(
            examples=out / "examples",
            splits=out / "splits.parquet",
            report=out / "report.html",
            verdict=out / "verdict.json",
            metrics=out / "metrics.json",
            rejected=out / "rejected.csv",
        )

    def imported(self, file: str, content: bytes, *, out: str = "out", examples: Path | None = None) -> ImportResult:
        """Import one file with this content."""
        (self.folder / file).write_bytes(content)
        return import_labels(
            examples_path=examples or self.examples,
            pool_path=self.pool,
            queue_uri=str(self.queue),
            labels_uri=str(self.folder / file),
            outputs=self.outputs(out),
        )

    def table(self, out: str = "out") -> ExampleTable:
        return ExampleTable(self.folder / out / "examples")

    def labels(self, out: str = "out") -> dict[str, str | None]:
        """Labels of the new version, by example."""
        rows = self.table(out).read(["example_id", "label"])
        return dict(zip(rows.column(0).to_pylist(), rows.column(1).to_pylist(), strict=True))


def small_queue(folder: Path, *, num_asked: int = 12, num_pool: int = 20, settings: str = "") -> SmallQueue:
    """Forty labelled comments, a pool, and a queue of its first examples, every other one drawn at random."""
    texts = [
        f'댓글 {number}, "정말" 그렇다\n둘째 줄' if number % 3 else f"짧은 댓글 {number}"
        for number in range(40 + num_pool)
    ]
    labels = [CLASSES[number % 2] for number in range(40)]
    splits = ["train"] * 28 + ["validation"] * 6 + ["test"] * 6
    write_table(folder / "examples", [f"t{number}" for number in range(40)], texts[:40], labels, splits)
    ids = [f"p{number:03d}" for number in range(num_pool)]
    write_table(folder / "pool", ids, texts[40:], [None] * num_pool, [None] * num_pool, is_pool=True)
    requests = [
        LabelRequest(
            example_id=name,
            strategy="random" if number % 2 else "entropy",
            why="the model is unsure" if number % 2 == 0 else "drawn at random",
            score=0.5,
            predicted=CLASSES[0],
            probability=0.6,
            model_version="v1",
            round_number=2,
        )
        for number, name in enumerate(ids[:num_asked])
    ]
    write_label_requests(folder / "requests", requests, class_names=CLASSES)
    export_queue(
        requests_path=folder / "requests",
        pool_path=folder / "pool",
        queue_uri=str(folder / "queue"),
        metrics_path=folder / "export.json",
        settings=settings,
    )
    answers = {name: CLASSES[number % 3 % 2] for number, name in enumerate(ids[:num_asked])}
    return SmallQueue(folder=folder, answers=answers)
