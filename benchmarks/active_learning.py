"""Labels that the default mix of strategies needs for what random sampling reaches; and what a large pool costs.

    python -m benchmarks.active_learning rounds EXAMPLES --start-labels 200 --budget 2000
    python -m benchmarks.active_learning pool --num-rows 1000000

`rounds`: EXAMPLES is any example table of classes (`python -m components.data_ingestion ingest`). Rounds with an oracle
on its training rows, scored on its test rows; the default mix, other mixes on demand, and random sampling are paired by
seed and start. The bar, on film comments from 200 labels to 2,000 and 10 seeds: a label ratio of at most 0.87 with the
interval's upper end below 1. `pool`: made-up comments and predictions of two sizes; rows a CPU-second and the largest
memory of choosing from them and of labels by the model, each in a process of its own; choosing is killed (SIGKILL) in
the middle and started again, and must come to the same requests. `benchmarks/pool_scoring.py` does the same of scoring.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
import json
import multiprocessing
from multiprocessing.context import SpawnProcess
import os
from pathlib import Path
import resource
import signal
import tempfile
import time
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer

from benchmarks.pool_scoring import write_pool
from components.active_learning.jobs.select_examples import select_examples
from components.active_learning.jobs.write_pseudo_labels import write_pseudo_labels
from components.active_learning.label_requests import read_label_requests
from components.active_learning.rounds.comparison import AT_RANDOM
from components.active_learning.rounds.label_savings import label_ratio, mean_interval
from components.active_learning.rounds.labelled_rows import read_labelled_rows
from components.active_learning.rounds.simulated_rounds import learning_curve, RoundsSettings
from components.active_learning.selection.budget import shares_from
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsWriter
from tests.components.active_learning.pseudo_labels.planted_tables import answers_table, examples_table

app = typer.Typer(help=__doc__, no_args_is_help=True)
_PART_ROWS, _EMBEDDING_SIZE, _BUDGET, _NUM_LABELLED, _NUM_JUDGED = 4096, 64, 500, 200, 1_000
_NAMES = ("bad", "good")
_TOLD = "told.json"


@app.command()
def rounds(
    examples: Annotated[Path, typer.Argument(help="An example table of classes.")],
    start_labels: Annotated[int, typer.Option(help="Labels at the start.")] = 200,
    budget: Annotated[int, typer.Option(help="Labels at the end.")] = 2000,
    batch: Annotated[int, typer.Option(help="Labels a round.")] = 100,
    num_seeds: Annotated[int, typer.Option(help="Runs of each mix.")] = 10,
    first_seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    mixes: Annotated[list[str] | None, typer.Option(help="Mixes beside the default; may be repeated.")] = None,
) -> None:
    """Print each mix's curve, its gain at the end, and its label ratio."""
    rows = read_labelled_rows(ExampleTable(examples))
    settings = RoundsSettings(start_labels=start_labels, budget=budget, batch=batch)
    seeds = range(first_seed, first_seed + num_seeds)
    print(f"{len(rows):,} rows to ask about, {len(rows.test_labels):,} test rows, {rows.model_name}; {num_seeds} seeds")
    at_random = np.array([learning_curve(rows, AT_RANDOM, settings, seed=seed) for seed in seeds])
    known = np.isfinite(at_random).all(axis=0)
    sizes = [size for size, is_known in zip(settings.sizes, known, strict=True) if is_known]
    _print("random", sizes, at_random[:, known], at_random[:, known])
    for mix in ("", *(mixes or ())):
        curves = np.array([learning_curve(rows, shares_from(mix), settings, seed=seed) for seed in seeds])
        _print(mix or "default", sizes, curves[:, known], at_random[:, known])


@app.command()
def pool(num_rows: Annotated[int, typer.Option(help="Rows of the larger pool.")] = 1_000_000) -> None:
    """Print rows a CPU-second and the largest memory with a tenth of the rows and with all, and what a kill costs."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, size in (("tenth", num_rows // 10), ("all", num_rows)):
            _write_tables(folder / name, size)
        print(f"{'step':>22} {'rows':>10} {'CPU-s':>8} {'rows/CPU-s':>11} {'largest memory, MiB':>20}")
        takes_s = {}
        for step, work in (("choosing", _choose), ("labels by the model", _label)):
            for name, size in (("tenth", num_rows // 10), ("all", num_rows)):
                used = _measured(work, folder / name)
                takes_s[step] = used.wall_s
                rate = f"{size / used.cpu_s:11,.0f} {used.memory_mib:20.0f}"
                print(f"{step:>22} {size:10,} {used.cpu_s:8.1f} {rate}", flush=True)
        requests = folder / "all" / "requests"
        before = read_label_requests(requests.rename(folder / "before"))
        _kill(_choose, folder / "all", takes_s["choosing"] / 2)
        left = "requests" if requests.exists() else "no requests"
        _measured(_choose, folder / "all")
        same = "the same" if read_label_requests(requests) == before else "OTHER"
        print(f"killed in the middle of choosing: {left} left; started again: {same} requests")


def _print(name: str, sizes: list[int], curves: np.ndarray, at_random: np.ndarray) -> None:
    gain = mean_interval(curves[:, -1] - at_random[:, -1])
    found = label_ratio(sizes, curves, at_random)
    middle = [int(place) for place in np.linspace(0, len(sizes) - 1, 7)]
    shown = "  ".join(f"{sizes[place]:,}: {curves[:, place].mean():.4f}" for place in middle)
    print(f"{name:<24} {shown}")
    print(
        f"{'':<24} at the end {100 * gain.mean:+.2f} points ({100 * gain.low:+.2f} to {100 * gain.high:+.2f}); "
        f"{found.labels:,.0f} labels, ratio {found.ratio:.3f} ({found.low:.3f} to {found.high:.3f})",
        flush=True,
    )


def _write_tables(folder: Path, num_rows: int) -> None:
    """A pool of comments with a model's answers, and a few labelled examples with theirs."""
    write_pool(folder / "pool", num_rows)
    rng = np.random.default_rng(0)
    with PredictionsWriter(folder / "pool-predictions", class_names=_NAMES, extra_columns={}) as writer:
        for start in range(0, num_rows, _PART_ROWS):
            size = min(_PART_ROWS, num_rows - start)
            first = rng.beta(0.5, 0.5, size)
            writer.write(
                example_ids=[f"comment-{start + place}" for place in range(size)],
                splits=[None] * size,  # type: ignore[list-item]
                labels=[None] * size,
                probabilities=np.column_stack([first, 1 - first]),
                embeddings=rng.normal(size=(size, _EMBEDDING_SIZE)),
                extra={},
            )
    ids = [f"labelled-{place}" for place in range(_NUM_LABELLED)]
    splits = ["train" if place % 5 else "validation" for place in range(_NUM_LABELLED)]
    labels = [_NAMES[place % 2] for place in range(_NUM_LABELLED)]
    texts = {"text": pa.array([f"a comment that is {label} {name}" for name, label in zip(ids, labels, strict=True)])}
    examples_table(folder / "examples", "text", _NAMES, ids, splits, labels, texts)
    answers = np.full((_NUM_LABELLED, 2), 0.5)
    embeddings = rng.normal(size=(_NUM_LABELLED, _EMBEDDING_SIZE))
    answers_table(folder / "predictions", _NAMES, ids, splits, labels, answers, embeddings)


def _choose(folder: Path) -> None:
    select_examples(
        predictions_paths=[folder / "pool-predictions"],
        label_requests_path=folder / "requests",
        report_path=folder / "report.html",
        metrics_path=folder / "metrics.json",
        budget=_BUDGET,
        examples_path=folder / "examples",
        pool_path=folder / "pool",
    )


def _label(folder: Path) -> None:
    write_pseudo_labels(
        examples_path=folder / "examples",
        pool_path=folder / "pool",
        predictions_path=folder / "predictions",
        pool_predictions_path=folder / "pool-predictions",
        model_version="made-up",
        labels_path=folder / "labels",
        evidence_path=folder / "evidence.json",
        report_path=folder / "labels.html",
        verdict_path=folder / "verdict.json",
        metrics_path=folder / "labels.json",
        max_pool_rows=_NUM_JUDGED,
        device="cpu",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Used:
    """What a process used: CPU-seconds and wall-clock seconds of the work, and its largest resident memory."""

    cpu_s: float
    wall_s: float
    memory_mib: float


def _measured(work: Callable[[Path], None], folder: Path) -> _Used:
    """What work uses in a process of its own."""
    process = _started(work, folder)
    process.join()
    return _Used(**json.loads((folder / _TOLD).read_text()))


def _kill(work: Callable[[Path], None], folder: Path, after_s: float) -> None:
    """Kill work so many seconds after it began."""
    process = _started(work, folder)
    while process.is_alive() and not (folder / _TOLD).exists():
        time.sleep(0.01)
    time.sleep(after_s)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def _started(work: Callable[[Path], None], folder: Path) -> SpawnProcess:
    (folder / _TOLD).unlink(missing_ok=True)
    process = multiprocessing.get_context("spawn").Process(target=_told, args=(work, folder))
    process.start()
    return process


def _told(work: Callable[[Path], None], folder: Path) -> None:
    (folder / _TOLD).write_text("{}")
    cpu, wall = time.process_time(), time.monotonic()
    work(folder)
    used = _Used(
        cpu_s=time.process_time() - cpu,
        wall_s=time.monotonic() - wall,
        memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )
    (folder / _TOLD).write_text(json.dumps(asdict(used)))


if __name__ == "__main__":
    app()
