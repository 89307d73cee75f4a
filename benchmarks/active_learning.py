"""Labels that the default mix of strategies needs for what random sampling reaches; and what a large pool costs.

    python -m benchmarks.active_learning rounds EXAMPLES --start-labels 200 --budget 2000
    python -m benchmarks.active_learning pool --num-rows 1000000

`rounds`: EXAMPLES is any example table of classes (`python -m components.data_ingestion ingest`). Rounds with an oracle
on its training rows, scored on its test rows; the default mix, other mixes on demand, and random sampling are paired by
seed and start. The bar, on film comments from 200 labels to 2,000 and 10 seeds: a label ratio of at most 0.87 with the
interval's upper end below 1. `pool`: made-up predictions tables of two sizes; rows a CPU-second, and the memory that
choosing from them adds.
"""

from pathlib import Path
import resource
import tempfile
import time
from typing import Annotated

import numpy as np
import typer

from components.active_learning.jobs.select_examples import select_examples
from components.active_learning.rounds.comparison import AT_RANDOM
from components.active_learning.rounds.label_savings import label_ratio, mean_interval
from components.active_learning.rounds.labelled_rows import read_labelled_rows
from components.active_learning.rounds.simulated_rounds import learning_curve, RoundsSettings
from components.active_learning.selection.budget import shares_from
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsWriter

app = typer.Typer(help=__doc__, no_args_is_help=True)
_PART_ROWS, _EMBEDDING_SIZE, _BUDGET = 4096, 64, 500


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
    """Print rows a CPU-second, and the memory that choosing adds, of a tenth of the rows and of all."""
    print(f"{'rows':>10} {'CPU-s':>8} {'rows/CPU-s':>11} {'peak above start, MiB':>22}")
    for size in (num_rows // 10, num_rows):
        with tempfile.TemporaryDirectory() as folder:
            path = _made_up(Path(folder) / "predictions", size)
            before, started = _peak_mib(), time.process_time()
            select_examples(
                predictions_paths=[path],
                label_requests_path=Path(folder) / "requests",
                report_path=Path(folder) / "report.html",
                metrics_path=Path(folder) / "metrics.json",
                budget=_BUDGET,
            )
            seconds = time.process_time() - started
            print(f"{size:10,} {seconds:8.1f} {size / seconds:11,.0f} {_peak_mib() - before:22.0f}", flush=True)


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


def _made_up(path: Path, num_rows: int) -> Path:
    rng = np.random.default_rng(0)
    with PredictionsWriter(path, class_names=("bad", "good"), extra_columns={}) as writer:
        for start in range(0, num_rows, _PART_ROWS):
            size = min(_PART_ROWS, num_rows - start)
            first = rng.beta(0.5, 0.5, size)
            writer.write(
                example_ids=[f"row-{start + place}" for place in range(size)],
                splits=[None] * size,  # type: ignore[list-item]
                labels=[None] * size,
                probabilities=np.column_stack([first, 1 - first]),
                embeddings=rng.normal(size=(size, _EMBEDDING_SIZE)),
                extra={},
            )
    return path


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    app()
