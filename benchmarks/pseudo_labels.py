"""Labels by a model behind the guard: accuracy with what it admits, and without, on rows that it never saw.

    python -m benchmarks.pseudo_labels comments --data nsmc_sample
    python -m benchmarks.pseudo_labels clusters

`comments`: texts, 200 labels of people (160 for training, 40 for validation), of which 0, 10 and 20% are flipped; a
pool of others; the cheap model of texts answers, is trained again with what the guard admits, and both are asked about
test rows. `without a guard` trains on the 2,000 surest answers instead. `clusters`: planted clusters of kept-out seeds,
20 labels (16 and 4), and 20 with 10 for validation. Each seed is a line, with the paired 95% interval over test rows;
then the mean over seeds, with Student's t.
"""

from collections.abc import Sequence
import csv
from functools import partial
from pathlib import Path
import tempfile
from typing import Annotated

import numpy as np
import pyarrow as pa
from scipy.stats import t
import typer

from components.active_learning.jobs.write_pseudo_labels import write_pseudo_labels
from components.active_learning.model_labels import read_model_labels
from components.active_learning.pseudo_labels.stand_ins import linear_stand_in
from components.drift.paired_shares import paired_shares
from components.modeling.cheap_models.fitting import fitted_linear, Question
from components.modeling.cheap_models.text_reading import TextReading
from tests.components.active_learning.pseudo_labels.planted_pools import HELD_OUT_SEED, planted, PlantedPool
from tests.components.active_learning.pseudo_labels.planted_tables import (
    answers_table,
    examples_table,
    PlantedTables,
    written,
)

NUM_TRAIN, NUM_VALIDATION, UNGUARDED = 160, 40, 2_000
CLASSES = ("negative", "positive")
STRENGTH = 3.0

app = typer.Typer(help=__doc__, no_args_is_help=True)
Seeds = Annotated[int, typer.Option(help="Draws of rows, labels and flips.")]


@app.command()
def comments(
    data: Annotated[Path, typer.Option(help="Folder with train.tsv and test.tsv, columns document and label.")],
    seeds: Seeds = 10,
    num_pool: Annotated[int, typer.Option(help="Rows of the pool.")] = 1_500,
    num_test: Annotated[int, typer.Option(help="Test rows.")] = 5_000,
    unguarded: Annotated[
        bool, typer.Option(help="Whether the surest answers are trained on, too, as a contrast.")
    ] = True,
) -> None:
    """Texts: what the guard admits with 200 labels, of which some are flipped."""
    train, test = (_rows(data / f"{name}.tsv") for name in ("train", "test"))
    for flipped in (0.0, 0.1, 0.2):
        found = [_comments_case(train, test[:num_test], flipped, seed, num_pool, unguarded) for seed in range(seeds)]
        _summary(f"{flipped:.0%} flipped, behind the guard", [case[0] for case in found])
        if unguarded:
            _summary(f"{flipped:.0%} flipped, without a guard", [case[1] for case in found])


@app.command()
def clusters(
    seeds: Seeds = 10,
    first_seed: Annotated[int, typer.Option(help="Of the planted pools; by default a kept-out one.")] = HELD_OUT_SEED,
    kind: Annotated[list[str] | None, typer.Option(help="Planted kinds.")] = None,
) -> None:
    """Planted clusters: what the guard admits with 20 labels."""
    for name in kind or ("blobs", "four_blobs"):
        for num_train, num_validation in ((16, 4), (20, 10)):
            found = [
                clusters_case(planted(name, seed, num_train=num_train, num_validation=num_validation), seed)
                for seed in range(first_seed, first_seed + seeds)
            ]
            _summary(f"{name}, {num_train} + {num_validation} labels", found)
            typer.echo(f"  at least 3 points in {sum(gain >= 0.03 for gain in found)} of {seeds}")


def clusters_case(case: PlantedPool, seed: int) -> float:
    """The gain of test accuracy by what the job admits of one planted pool."""
    with tempfile.TemporaryDirectory() as scratch:
        tables = written(Path(scratch), case)
        admitted = _admitted(Path(scratch), tables)
    rows = np.array([int(name.removeprefix("pool-")) for name, _ in admitted], np.int64)
    labels = np.array([int(label.removeprefix("class ")) for _, label in admitted], np.int64)
    reading = linear_stand_in("", case.train, case.test, case.pool)
    right = []
    for places, given in ((rows, labels), (rows[:0], labels[:0])):
        both = np.concatenate([reading.train, reading.pool[places]])
        model = reading.fitted(both, np.concatenate([case.labels, given]), case.num_classes)
        right.append(model(reading.held_out).argmax(axis=1) == case.test_truth)
    return _told(f"seed {seed}", right[0], right[1], len(rows), float((labels != case.pool_truth[rows]).mean()))


def _comments_case(
    train: Sequence[tuple[str, int]],
    test: Sequence[tuple[str, int]],
    flipped: float,
    seed: int,
    num_pool: int,
    unguarded: bool,
) -> tuple[float, float]:
    """Gains of test accuracy behind the guard, and of the surest answers without one."""
    rng = np.random.default_rng(seed)
    num_people = NUM_TRAIN + NUM_VALIDATION
    drawn = [train[row] for row in rng.permutation(len(train))[: num_people + max(num_pool, 2 * UNGUARDED)].tolist()]
    texts, truth = [text for text, _ in drawn], np.array([label for _, label in drawn])
    labels = truth[:num_people].copy()
    wrong = rng.permutation(num_people)[: round(flipped * num_people)]
    labels[wrong] = 1 - labels[wrong]
    learnt, given = texts[:NUM_TRAIN], labels[:NUM_TRAIN]
    asked = [text for text, _ in test]
    answers = _answers(learnt, given, [texts[NUM_TRAIN:], asked])
    with tempfile.TemporaryDirectory() as scratch:
        tables = _comment_tables(Path(scratch), texts[: num_people + num_pool], labels, answers[0])
        admitted = _admitted(Path(scratch), tables)
    rows = np.array([int(name.removeprefix("pool-")) + num_people for name, _ in admitted], np.int64)
    classes = np.array([CLASSES.index(label) for _, label in admitted], np.int64)
    others = answers[0][NUM_VALIDATION:]
    surest = np.argsort(-others.max(axis=1), kind="stable")[:UNGUARDED]
    target = np.array([label for _, label in test])
    before = answers[1].argmax(axis=1) == target

    def after(places: np.ndarray, more: np.ndarray) -> np.ndarray:
        both = [*learnt, *(texts[place] for place in places.tolist())]
        return _answers(both, np.concatenate([given, more]), [asked])[0].argmax(axis=1) == target

    name = f"{flipped:.0%} flipped, seed {seed}"
    noise = float((classes != truth[rows]).mean()) if len(rows) else 0.0
    guarded = _told(name, after(rows, classes) if len(rows) else before, before, len(rows), noise)
    if not unguarded:
        return guarded, 0.0
    noise = float((others[surest].argmax(axis=1) != truth[surest + num_people]).mean())
    naive = after(surest + num_people, others[surest].argmax(axis=1))
    return guarded, _told(f"{name}, without a guard", naive, before, UNGUARDED, noise)


def _answers(texts: Sequence[str], labels: np.ndarray, asked: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """The cheap model of texts, fitted to some, on others."""
    column = pa.array(texts)
    reading = TextReading(column, num_classes=2)
    fit = partial(fitted_linear, strength=STRENGTH)
    model = fit(reading.rows(column), labels, Question(num_classes=2, metric="accuracy"))
    return [model(reading.rows(pa.array(others))) for others in asked]


def _comment_tables(folder: Path, texts: Sequence[str], labels: np.ndarray, answers: np.ndarray) -> PlantedTables:
    """Tables of comments; `answers` are of the validation rows and all others."""
    tables = PlantedTables(**{name: folder / name for name in ("examples", "pool", "predictions", "pool_predictions")})
    num_people = len(labels)
    ids = [f"comment-{number}" for number in range(num_people)]
    splits = ["train"] * NUM_TRAIN + ["validation"] * NUM_VALIDATION
    names = [CLASSES[label] for label in labels.tolist()]
    pool_texts = texts[num_people:]
    pool_ids = [f"pool-{number}" for number in range(len(pool_texts))]
    examples_table(tables.examples, "text", CLASSES, ids, splits, names, {"text": pa.array(texts[:num_people])})
    examples_table(tables.pool, "text", CLASSES, pool_ids, None, None, {"text": pa.array(pool_texts)})
    seen, others = answers[:NUM_VALIDATION], answers[NUM_VALIDATION:][: len(pool_texts)]
    no_embeddings = np.zeros((len(texts), 0), np.float32)
    answers_table(
        tables.predictions,
        CLASSES,
        ids[NUM_TRAIN:],
        splits[NUM_TRAIN:],
        names[NUM_TRAIN:],
        seen,
        no_embeddings[: len(seen)],
    )
    nothing = [None] * len(pool_ids)
    answers_table(
        tables.pool_predictions,
        CLASSES,
        pool_ids,
        ["test"] * len(pool_ids),
        nothing,
        others,
        no_embeddings[: len(others)],
    )
    return tables


def _admitted(folder: Path, tables: PlantedTables) -> list[tuple[str, str]]:
    """Identifiers and classes of what the job admits."""
    write_pseudo_labels(
        examples_path=tables.examples,
        pool_path=tables.pool,
        predictions_path=tables.predictions,
        pool_predictions_path=tables.pool_predictions,
        model_version="benchmark",
        labels_path=folder / "labels",
        evidence_path=folder / "evidence.json",
        report_path=folder / "report.html",
        verdict_path=folder / "verdict.json",
        metrics_path=folder / "metrics.json",
        device="cpu",
    )
    return [(label.example_id, label.label) for label in read_model_labels(folder / "labels")]


def _rows(path: Path) -> list[tuple[str, int]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["document"], int(row["label"])) for row in rows]


def _told(name: str, with_them: np.ndarray, without: np.ndarray, num_labels: int, noise: float) -> float:
    """Print one case, and return its gain."""
    found = paired_shares(with_them, without)
    what = f"{num_labels} labels, {noise:.1%} wrong" if num_labels else "refused"
    typer.echo(
        f"  {name}: {found.champion:.4f} -> {found.challenger:.4f}, {found.difference:+.4f} ({found.low:+.4f} to "
        f"{found.high:+.4f}); {what}"
    )
    return found.difference


def _summary(name: str, gains: Sequence[float]) -> None:
    values = np.array(gains)
    half = (
        float(t.ppf(0.975, len(values) - 1)) * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    )
    typer.echo(
        f"{name}: mean gain {values.mean():+.4f} ({values.mean() - half:+.4f} to {values.mean() + half:+.4f}), worst "
        f"{values.min():+.4f}, {int((values != 0).sum())} of {len(values)} seeds changed"
    )


if __name__ == "__main__":
    app()
