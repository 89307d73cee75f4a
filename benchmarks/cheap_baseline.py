"""How often the warning "no better than a cheap model" errs, and what the cheap model costs.

    python -m benchmarks.cheap_baseline --photos PHOTOS --only costs

The warning errs where it is not raised though the model is equal to the cheap one, or worse: in at most 5% of the runs.
How often a model that is truly better is warned of nonetheless depends on the test rows and is printed without a bar.
Every rate stands with its 95% interval (Clopper-Pearson). `--photos` is a folder of photos in one folder a class;
without it photos are made up.
"""

from collections.abc import Callable, Iterator
import io
from pathlib import Path
import tempfile
import time
from typing import Annotated

import numpy as np
from PIL import Image
import pyarrow as pa
from scipy.stats import binomtest
import typer

from components.model_analysis.baseline.cheap_baseline import cheap_baseline
from components.model_analysis.baseline.comparison import opponent
from components.model_analysis.gate.answered_pair import ClassPair, NumberPair
from components.modeling.cheap_models.fitting import fitted_linear, Question
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsTable, PredictionsWriter
from components.shared.contracts.target_spec import TargetSpec

SPLITS = ("train", "validation", "test")
ACCURACY = Question(num_classes=2, metric="accuracy")


def warned(pair: ClassPair | NumberPair, metric: str) -> bool:
    """Whether the model of a pair, the challenger, is warned of beside the cheap one."""
    return not opponent("", pair, metric, np.ones(len(pair), dtype=bool)).is_beaten


def warnings_of_shares(
    repeats: int, num_rows: int, disagree: float, better: float, groups: np.ndarray | None = None
) -> Iterator[bool]:
    """Warnings of a model that is `better` by so much accuracy; the two judge a share `disagree` differently."""
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        place = rng.random(num_rows)
        if groups is not None:  # rows of a group go the same way
            place = np.where(rng.random(num_rows) < 0.5, place, rng.random(int(groups.max()) + 1)[groups])
        lost, won = place < (disagree - better) / 2, place > 1 - (disagree + better) / 2
        sides = [np.column_stack([wrong, ~wrong]).astype(float) for wrong in (lost, won)]
        labels = np.ones(num_rows, int)
        yield warned(ClassPair(labels=labels, challenger=sides[0], champion=sides[1], groups=groups), "accuracy")


def warnings_of_scores(repeats: int, num_rows: int, metric: str) -> Iterator[bool]:
    """Warnings of one of two equal models of two classes, of which one has 30%."""
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        labels = (rng.random(num_rows) < 0.3).astype(int)
        logits = 1.5 * (labels - 0.5)[:, None] + rng.normal(0, 1, (num_rows, 2))
        likely = 1 / (1 + np.exp(-logits))
        sides = [np.column_stack([1 - side, side]) for side in likely.T]
        yield warned(ClassPair(labels=labels, challenger=sides[0], champion=sides[1]), metric)


def warnings_of_numbers(repeats: int, num_rows: int) -> Iterator[bool]:
    """Warnings of one of two equal models of a number, whose errors have heavy tails."""
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        labels = rng.gamma(2.0, 50.0, num_rows)
        sides = labels + rng.standard_t(5, (2, num_rows))
        yield warned(NumberPair(labels=labels, challenger=sides[0], champion=sides[1]), "rmse")


def warnings_of_twins(repeats: int, *, num_rows: int = 300) -> Iterator[bool]:
    """Warnings of a linear model beside its like that is trained on as many other rows: as good, not the same."""
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        rows = rng.normal(size=(3, num_rows, 8))
        labels = (rng.random((3, num_rows)) < 1 / (1 + np.exp(-rows.sum(axis=2) / 2))).astype(int)
        sides = [fitted_linear(rows[i], labels[i], ACCURACY)(rows[2]) for i in range(2)]
        yield warned(ClassPair(labels=labels[2], challenger=sides[0], champion=sides[1]), "accuracy")


def print_rate(what: str, asked: str, found: Iterator[bool], *, of: Callable[[bool], bool] = lambda one: one) -> None:
    """Count a line's outcomes, and print their share with its interval."""
    started = time.process_time()
    outcomes = [of(one) for one in found]
    count = sum(outcomes)
    interval = binomtest(count, len(outcomes)).proportion_ci(0.95)
    print(
        f"{what:<62} {asked:>11} {count / len(outcomes):8.2%} {interval.low:8.2%} to {interval.high:7.2%} "
        f"{(time.process_time() - started) / len(outcomes) * 1000:8.2f}",
        flush=True,
    )


def print_rates(repeats: int, bootstraps: int) -> None:
    """Print how often the warning errs, and how often it is raised of better models."""
    print(f"{'model beside the cheap one':<62} {'asked':>11} {'rate':>8} {'95% interval':>20} {'ms':>8}")
    silent = "at most 5%"
    shops = np.repeat(np.arange(50), 20)
    equal = {
        "equal, 1,000 rows, 6% judged differently": warnings_of_shares(repeats, 1000, 0.06, 0.0),
        "equal, 200 rows, 20%": warnings_of_shares(repeats, 200, 0.2, 0.0),
        "equal, 1,000 rows in 50 groups": warnings_of_shares(repeats, 1000, 0.2, 0.0, shops),
        "1 point worse, 1,000 rows": warnings_of_shares(repeats, 1000, 0.06, -0.01),
        "a twin, trained on as many other rows": warnings_of_twins(repeats),
        "equal ROC AUC, 300 rows": warnings_of_scores(repeats, 300, "roc_auc"),
        "equal macro F1, 300 rows": warnings_of_scores(bootstraps, 300, "macro_f1"),
        "equal RMSE, 300 rows": warnings_of_numbers(bootstraps, 300),
    }
    for what, found in equal.items():
        print_rate(f"{what}: not warned of", silent, found, of=lambda one: not one)
    for better in (0.01, 0.02, 0.03, 0.04):
        found = warnings_of_shares(repeats, 1000, 0.06, better)
        print_rate(f"{better:.0%} better, 1,000 rows, 6% judged differently: warned of", "", found)


def print_costs(photos: Path | None) -> None:
    """Print the processor's seconds of a cheap baseline on 2,000 photos, 20,000 rows and 20,000 texts."""
    print(f"{'cheap baseline of':<40} {'CPU-s':>8}  what it reached")
    for name, make in (("20,000 rows, 18 columns", _rows), ("20,000 texts", _texts), ("2,000 photos", _photos)):
        columns, labels, modality = make(photos) if make is _photos else make()
        with tempfile.TemporaryDirectory() as scratch:
            examples, table = _tables(Path(scratch), columns, labels, modality)
            started = time.process_time()
            found = cheap_baseline(examples, table, TargetSpec(), columns=tuple(columns))
            seconds = time.process_time() - started
        cheap = found.cheap
        reached = found.why_none if cheap is None else f"{cheap.name}: accuracy {cheap.found.champion:.4f}"
        print(f"{name:<40} {seconds:8.1f}  {reached}", flush=True)


def _rows() -> tuple[dict[str, pa.Array], np.ndarray, str]:
    rng = np.random.default_rng(0)
    values, codes = rng.normal(size=(20_000, 13)), rng.integers(0, 60, (20_000, 5))
    logits = values[:, 0] * values[:, 1] + values[:, 2] + np.sin(codes[:, 0])
    labels = (rng.random(20_000) < 1 / (1 + np.exp(-logits))).astype(int)
    numbers = {f"x{number}": pa.array(column) for number, column in enumerate(values.T)}
    return numbers | {f"c{n}": pa.array([f"v{code}" for code in c]) for n, c in enumerate(codes.T)}, labels, "tabular"


def _texts() -> tuple[dict[str, pa.Array], np.ndarray, str]:
    rng = np.random.default_rng(0)
    syllables = [chr(0xAC00 + 28 * number) for number in range(300)]
    words = np.array(["".join(rng.choice(syllables, rng.integers(1, 4))) for _ in range(5000)])
    labels = rng.integers(0, 2, 20_000)
    places = np.minimum(rng.zipf(1.3, (20_000, 9)), 2400) * 2 + labels[:, None] * (rng.random((20_000, 9)) < 0.1)
    return {"text": pa.array([" ".join(words[row]) for row in places])}, labels, "text"


def _photos(folder: Path | None) -> tuple[dict[str, pa.Array], np.ndarray, str]:
    """2,000 photos of two classes: those of a folder, again and again, or made up at 400 x 300 px."""
    rng = np.random.default_rng(0)
    if folder is None:
        labels = rng.integers(0, 2, 2000)
        return {"image": pa.array([_made_up(kind, rng) for kind in labels], pa.binary())}, labels, "image"
    classes = sorted(path for path in folder.iterdir() if path.is_dir())[:2]
    files = [(file, kind) for kind, path in enumerate(classes) for file in sorted(path.iterdir())]
    chosen = [files[place] for place in np.resize(rng.permutation(len(files)), 2000)]
    images = pa.array([file.read_bytes() for file, _ in chosen], pa.binary())
    return {"image": images}, np.array([kind for _, kind in chosen]), "image"


def _made_up(kind: int, rng: np.random.Generator) -> bytes:
    waves = 60 * np.sin(np.arange(400) / rng.uniform(3, 9))
    grey = np.tile(waves, (300, 1)) if kind else np.tile(waves[:300], (400, 1)).T
    pixels = np.clip(128 + grey[..., None] + rng.normal(0, 20, (300, 400, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG")
    return buffer.getvalue()


def _tables(
    folder: Path, columns: dict[str, pa.Array], labels: np.ndarray, modality: str
) -> tuple[ExampleTable, PredictionsTable]:
    """The examples, 70% to train, and a predictions table of a model that is always right."""
    payload = {"image": ("image",), "text": ("text",)}.get(modality, ())
    num_rows = len(labels)
    ends = np.searchsorted([0.7, 0.85], np.arange(num_rows) / num_rows, side="right")
    all_columns = {
        "example_id": pa.array([f"row-{number}" for number in range(num_rows)]),
        "split": pa.array([SPLITS[place] for place in ends]),
        "label": pa.array([f"class {label}" for label in labels]),
        **columns,
    }
    extra = {name: column.type for name, column in columns.items() if name not in payload}
    roles = dict.fromkeys(extra, "feature")
    names = ("class 0", "class 1")
    info = ExampleTableInfo(modality=modality, class_names=names, column_roles=roles)  # type: ignore[arg-type]
    with ExampleTableWriter(folder / "examples", info, extra_columns=extra) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(all_columns.values()), list(all_columns)))
    scored = np.flatnonzero(ends > 0)
    with PredictionsWriter(folder / "predictions", class_names=names, extra_columns={}) as predictions:
        predictions.write(
            example_ids=[f"row-{number}" for number in scored],
            splits=[SPLITS[place] for place in ends[scored]],
            labels=[names[label] for label in labels[scored]],
            probabilities=np.eye(2)[labels[scored]],
            embeddings=np.zeros((len(scored), 0), np.float32),
            extra={},
        )
    return ExampleTable(folder / "examples"), PredictionsTable(folder / "predictions")


def main(
    repeats: Annotated[int, typer.Option(help="Runs of each line.", min=1)] = 2000,
    bootstraps: Annotated[int, typer.Option(help="Runs of lines that resample, which cost more.", min=1)] = 2000,
    photos: Annotated[Path | None, typer.Option(help="A folder of photos, one folder a class.")] = None,
    only: Annotated[str, typer.Option(help="`rates` or `costs`; both by default.")] = "",
) -> None:
    """Print what the warning errs in, and what the cheap model costs."""
    if only != "costs":
        print_rates(repeats, bootstraps)
    if only != "rates":
        print_costs(photos)


if __name__ == "__main__":
    typer.run(main)
