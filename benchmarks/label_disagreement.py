"""Mistakes of an initial model that labelled comments, in the disagreement table of a second that was trained on them.

    python -m benchmarks.label_disagreement --data DATA --seeds 10

`DATA` holds `train.tsv` and `test.tsv` with the columns document and label. From a few labels by people an initial
model (TF-IDF with logistic regression) labels 5,000 comments; a second of the same kind is trained on these and on
people's. Printed: how many of the disagreement table's first 200 rows are wrong labels, beside cleanlab's ranking
(self-confidence) of cross-validated probabilities of the same features, once of the labels by the model alone, once
with people's labels among the training rows; and what of the second model's accuracy only seems so.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
import tempfile
from typing import Annotated

from cleanlab.rank import get_label_quality_scores
import numpy as np
import pyarrow as pa
from scipy import sparse
from scipy.stats import t
from sklearn.model_selection import StratifiedKFold
import typer

from components.active_learning.jobs.compare_labels import compare_labels, LabelComparison
from components.modeling.cheap_models.fitting import fitted_linear, Question
from components.modeling.cheap_models.text_reading import TextReading
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsWriter

FIRST = 200
NUM_VALIDATION, NUM_TEST, NUM_BY_MODEL = 150, 2_000, 5_000
CLASSES = ("negative", "positive")
_QUESTION = Question(num_classes=2, metric="accuracy")
_STRENGTH = 3.0

app = typer.Typer()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scene:
    """Comments with the truth, (N,), stored labels, (N,), the split and source of each, and two models' answers."""

    texts: list[str]
    truth: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    sources: np.ndarray
    initial: np.ndarray
    second: np.ndarray


@app.command()
def main(
    data: Annotated[Path, typer.Option(help="Folder with train.tsv and test.tsv.")],
    seeds: Annotated[int, typer.Option(help="Draws of comments.")] = 10,
    num_people: Annotated[int, typer.Option(help="Training labels by people.")] = 500,
    num_by_model: Annotated[int, typer.Option(help="Labels by the initial model.")] = NUM_BY_MODEL,
    first_seed: int = 0,
) -> None:
    """Print the table's precision beside cleanlab's, a draw a line, then the means and paired intervals."""
    train, test = (_read(data / name) for name in ("train.tsv", "test.tsv"))
    found = []
    for seed in range(first_seed, first_seed + seeds):
        scene = _scene(train, test, seed, num_people, num_by_model)
        result = _compared(scene)
        found.append(_figures(scene, result))
        typer.echo(f"seed {seed}: " + ", ".join(f"{name} {value:.3f}" for name, value in found[-1].items()))
        if seed == first_seed:
            typer.echo("\n".join(result.gain.sentences()))
    for name in found[0]:
        typer.echo(f"{name}: mean {np.mean([each[name] for each in found]):.3f}")
    for other in ("cleanlab", "cleanlab with people's labels"):
        gaps = np.array([each["table"] - each[other] for each in found])
        half = float(t.ppf(0.975, len(gaps) - 1)) * float(gaps.std(ddof=1)) / np.sqrt(len(gaps))
        typer.echo(
            f"table - {other}: {gaps.mean():+.3f}, 95 % interval {gaps.mean() - half:+.3f} to {gaps.mean() + half:+.3f}"
        )


def _read(path: Path) -> list[tuple[str, int]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["document"], int(row["label"])) for row in rows]


def _scene(
    train: list[tuple[str, int]], test: list[tuple[str, int]], seed: int, num_people: int, num_by_model: int
) -> Scene:
    rng = np.random.default_rng(seed)
    drawn = [train[row] for row in rng.permutation(len(train))[: num_people + NUM_VALIDATION + num_by_model].tolist()]
    rows = [*drawn, *test[:NUM_TEST]]
    texts, truth = [text for text, _ in rows], np.array([label for _, label in rows])
    sizes = {"people": num_people, "validation": NUM_VALIDATION, "model": num_by_model, "test": len(rows) - len(drawn)}
    kinds = np.repeat(list(sizes), list(sizes.values()))
    people, by_model = kinds == "people", kinds == "model"
    initial = _answers(texts, truth, people)
    labels = np.where(by_model, initial.argmax(axis=1), truth)
    return Scene(
        texts=texts,
        truth=truth,
        labels=labels,
        splits=np.where(people | by_model, "train", kinds),
        sources=np.where(by_model, "model", "person"),
        initial=initial,
        second=_answers(texts, labels, people | by_model),
    )


def _answers(texts: list[str], labels: np.ndarray, taught: np.ndarray) -> np.ndarray:
    """Probabilities of all comments, (N, K), of a linear model on TF-IDF that the comments `taught` taught."""
    own = pa.array([text for text, is_taught in zip(texts, taught.tolist(), strict=True) if is_taught])
    reading = TextReading(own, num_classes=2)
    return fitted_linear(reading.rows(own), labels[taught], _QUESTION, strength=_STRENGTH)(
        reading.rows(pa.array(texts))
    )


def _compared(scene: Scene) -> LabelComparison:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write(scene, folder)
        return compare_labels(
            examples_path=folder / "examples",
            predictions_path=folder / "second",
            initial_predictions_path=folder / "initial",
            disagreements_path=folder / "disagreements.csv",
            comparison_path=folder / "comparison.json",
            report_path=folder / "report.html",
            metrics_path=folder / "metrics.json",
            device="cpu",
        )


def _write(scene: Scene, folder: Path) -> None:
    ids = [str(row) for row in range(len(scene.texts))]
    names = [CLASSES[label] for label in scene.labels.tolist()]
    texts, splits, sources = pa.array(scene.texts), pa.array(scene.splits.tolist()), pa.array(scene.sources.tolist())
    by_model = scene.sources == "model"
    sure = pa.array(np.where(by_model, scene.initial.max(axis=1), np.nan), from_pandas=True)
    info = ExampleTableInfo(modality="text", class_names=CLASSES, column_roles={"label_probability": "provenance"})
    columns = {"example_id": pa.array(ids), "split": splits, "label": pa.array(names), "label_source": sources}
    columns |= {"text": texts, "label_probability": sure}
    with ExampleTableWriter(folder / "examples", info, extra_columns={"label_probability": pa.float64()}) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    for name, answers in (("initial", scene.initial), ("second", scene.second)):
        with PredictionsWriter(folder / name, class_names=CLASSES, extra_columns={}) as table:
            table.write(
                example_ids=ids,
                splits=scene.splits.tolist(),
                labels=names,
                probabilities=answers,
                embeddings=np.zeros((len(ids), 0), np.float32),
                extra={},
            )


def _figures(scene: Scene, result: LabelComparison) -> dict[str, float]:
    wrong, test = scene.labels != scene.truth, scene.splits == "test"
    by_model = scene.sources == "model"
    listed = np.array([int(item.example_id) for item in result.found])
    suspected = np.array([item.suspected in ("stored label", "both") for item in result.found])
    differ = np.array([not item.by_heart for item in result.found])
    answers, initial = scene.second.argmax(axis=1), scene.initial.argmax(axis=1)
    figures = {
        "wrong labels by the model": float(wrong[by_model].mean()),
        "table": float(wrong[listed[:FIRST]].mean()),
        "table, where they differ": float(wrong[listed[differ & by_model[listed]][:FIRST]].mean()),
        "rows by the model that differ": float((differ & by_model[listed]).sum()),
        "all suspected": float(wrong[listed[suspected]].mean()),
        "accuracy of the initial model": float((initial == scene.truth)[test].mean()),
        "of the second": float((answers == scene.truth)[test].mean()),
        "by the initial model's labels": float(
            (scene.second.argmax(axis=1) == scene.initial.argmax(axis=1))[test].mean()
        ),
    }
    for name, with_people in (("cleanlab", False), ("cleanlab with people's labels", True)):
        order = _by_cleanlab(scene, with_people=with_people)
        figures[name] = float(wrong[order[:FIRST]].mean())
    return figures


def _by_cleanlab(scene: Scene, *, with_people: bool) -> np.ndarray:
    """Rows that the model labelled, the least self-confident first."""
    by_model = np.flatnonzero(scene.sources == "model")
    people = np.flatnonzero((scene.sources == "person") & (scene.splits == "train"))
    rows = np.concatenate([by_model, people]) if with_people else by_model
    texts = pa.array([scene.texts[row] for row in rows.tolist()])
    features, labels = sparse.csr_array(TextReading(texts, num_classes=2).rows(texts)), scene.labels[rows]
    probabilities = np.zeros((len(rows), 2))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(probabilities, labels):
        model = fitted_linear(features[train], labels[train], _QUESTION, strength=_STRENGTH)
        probabilities[test] = model(features[test])
    scores = get_label_quality_scores(labels, probabilities)[: len(by_model)]
    return by_model[np.argsort(scores, kind="stable")]


if __name__ == "__main__":
    app()
