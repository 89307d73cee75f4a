"""Scoring a pool of a million comments: memory, what a kill costs, and rows a CPU-second beside the bare model.

    python -m benchmarks.pool_scoring --rows 1000000

A process scores a pool of made-up comments with `score_examples`; it is killed (SIGKILL) once half of the rows are
kept, and started again. Printed are its largest resident memory with a tenth of the rows and with all of them, and the
CPU-seconds of both, over all threads, against those of the model alone: the same texts, prepared and answered in
batches of the same size from memory, with nothing read or written. There is no bar on a time; memory with all rows
stands beside that with a tenth as a ratio.
"""

from collections.abc import Iterator
from dataclasses import dataclass
import json
import multiprocessing
import os
from pathlib import Path
import resource
import signal
import tempfile
import time
from typing import Annotated

import numpy as np
import pyarrow as pa
import torch
import typer

from components.model_analysis.jobs.score_examples import score_examples
from components.model_analysis.scoring.example_batches import BATCH_ROWS
from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.predictor import load_predictor, weights_of
from components.modeling.text.char_ngrams import TextFeatures
from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsTable

CLASS_NAMES = ("negative", "positive")
SYLLABLES = "가나다라마바사아자차카타파하고노도로모보소오조초코토포호기니디리미비시이지치키티피히"
BATCH = 4096


def main(
    rows: Annotated[int, typer.Option(help="Comments in the pool.")] = 1_000_000,
    dropout_passes: Annotated[int, typer.Option(help="Answers with dropout beside.")] = 0,
) -> None:
    """Print memory, what a kill costs, and the rate against the bare model."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_model(folder / "model")
        for name, number in (("tenth", rows // 10), ("all", rows)):
            write_pool(folder / name, number)
        tenth = scored(folder, "tenth", dropout_passes)
        killed = scored(folder, "all", dropout_passes, kill_after=rows // 2)
        resumed = scored(folder, "all", dropout_passes)
        table = PredictionsTable(folder / "all-out" / "predictions")
        bare = bare_cpu_s(folder, "all")
        cpu_s = killed.cpu_s + resumed.cpu_s
        typer.echo(f"rows in the table after the kill and the second start: {table.num_rows:,} of {rows:,}")
        typer.echo(
            f"CPU-seconds: {killed.cpu_s:.0f} until the kill, {resumed.cpu_s:.0f} after it; bare model {bare:.0f}"
        )
        typer.echo(f"rows a CPU-second: {rows / cpu_s:,.0f}; bare model {rows / bare:,.0f}; ratio {bare / cpu_s:.2f}")
        typer.echo(
            f"largest memory: {tenth.memory_mib:.0f} MiB for {rows // 10:,} rows, {resumed.memory_mib:.0f} MiB for "
            f"{rows:,}; ratio {resumed.memory_mib / tenth.memory_mib:.2f}"
        )


def write_model(path: Path) -> None:
    """A bundle with random weights: what it answers does not matter here."""
    features = TextFeatures(num_buckets=65_536)
    config = BackboneConfig(name="char_ngrams")
    torch.manual_seed(0)
    network = build_classifier(config, features, num_classes=len(CLASS_NAMES), load_pretrained=False)
    written = BundleConfig(
        task="text_classification",
        class_names=CLASS_NAMES,
        backbone=config.to_dict(),
        preprocessing=features.to_dict(),
    )
    write_bundle(path, written, weights_of(network))


def comments(num_rows: int) -> Iterator[list[str]]:
    """Batches of made-up comments of 5 to 80 syllables."""
    rng = np.random.default_rng(0)
    syllables = np.array([*SYLLABLES, " "])
    for start in range(0, num_rows, BATCH):
        lengths = rng.integers(5, 80, min(BATCH, num_rows - start))
        drawn = syllables[rng.integers(0, len(syllables), int(lengths.sum()))]
        ends = np.cumsum(lengths)
        yield ["".join(part) for part in np.split(drawn, ends[:-1])]


def write_pool(path: Path, num_rows: int) -> None:
    """A pool: an example table without splits and labels."""
    info = ExampleTableInfo(modality="text", class_names=(), column_roles={}, is_pool=True)
    number = 0
    with ExampleTableWriter(path, info, extra_columns={}) as writer:
        for texts in comments(num_rows):
            size = len(texts)
            columns = {
                "example_id": pa.array([f"comment-{number + row}" for row in range(size)]),
                "split": pa.nulls(size, pa.string()),
                "label": pa.nulls(size, pa.string()),
                "text": pa.array(texts),
            }
            writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
            number += size


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A process that scored: CPU-seconds of all its threads, and its largest resident memory."""

    cpu_s: float
    memory_mib: float


def scored(folder: Path, name: str, dropout_passes: int, *, kill_after: int | None = None) -> Scored:
    """Score a pool in a process of its own, which is killed once so many of its rows are kept."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_score, args=(folder, name, dropout_passes))
    process.start()
    assert process.pid is not None
    if kill_after is not None:
        while process.is_alive() and _rows_kept(folder / f"{name}-out" / "parts") < kill_after:
            time.sleep(0.2)
        used = _cpu_s(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        return Scored(cpu_s=used, memory_mib=float("nan"))
    process.join()
    told = json.loads((folder / f"{name}-told.json").read_text())
    return Scored(**told)


def _score(folder: Path, name: str, dropout_passes: int) -> None:
    score_examples(
        source=str(folder / name),
        model_path=folder / "model",
        output_path=folder / f"{name}-out",
        device="cpu",
        dropout_passes=dropout_passes,
    )
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {"cpu_s": used.ru_utime + used.ru_stime, "memory_mib": used.ru_maxrss / 1024}
    (folder / f"{name}-told.json").write_text(json.dumps(told))


def _rows_kept(parts: Path) -> int:
    told = sorted(parts.glob("[0-9]*/part.json"))
    return sum(json.loads(part.read_text())["num_rows"] for part in told)


def _cpu_s(pid: int) -> float:
    """CPU-seconds of a running process, as Linux counts them."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bare_cpu_s(folder: Path, name: str) -> float:
    """CPU-seconds of the model alone for the texts of a pool."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[float] = context.Queue()
    process = context.Process(target=_bare, args=(folder, name, queue))
    process.start()
    used = queue.get()
    process.join()
    return used


def _bare(folder: Path, name: str, queue: "multiprocessing.Queue[float]") -> None:
    predictor = load_predictor(folder / "model", device="cpu")
    texts = ExampleTable(folder / name).read(["text"]).column(0).combine_chunks()
    began = time.process_time()
    size = BATCH_ROWS["text"]
    for start in range(0, len(texts), size):
        predictor.predict(predictor.prepare({"text": texts[start : start + size]}))
    queue.put(time.process_time() - began)


if __name__ == "__main__":
    typer.run(main)
