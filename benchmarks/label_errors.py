"""Suspected label errors against plain cleanlab, on real and planted mistakes; and what an audit says of their share.

    python -m benchmarks.label_errors digits
    python -m benchmarks.label_errors people --data cifar10n_auto_truck
    python -m benchmarks.label_errors comments --data nsmc_sample

`digits`: planted mistakes in scikit-learn's digits, of seeds that the method was not chosen on. `people`: photos with
labels by people, a column a set of labels; embeddings of a pretrained network are kept in `--cache`. `comments`: texts,
20% of whose 2,000 labels are flipped. Plain cleanlab ranks by self-confidence of the same cross-validated logistic
regression that ours starts from; differences are paired, with 95% intervals by a bootstrap of examples (`people`) or
Student's t of seeds.
"""

from collections.abc import Callable, Sequence
import csv
from pathlib import Path
import tempfile
from typing import Annotated
import zipfile

from cleanlab.rank import get_label_quality_scores
import numpy as np
import pyarrow as pa
from scipy.stats import binomtest, t
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import cross_val_predict, StratifiedKFold
import typer

from components.feature_engineering.jobs import embed_examples
from components.model_analysis.label_errors.audit import wrong_label_share
from components.modeling.label_evidence.out_of_sample import cross_validated_probabilities
from components.modeling.label_evidence.suspicion import label_suspicion
from components.shared.contracts.embeddings_table import EmbeddingsTable
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from tests.components.model_analysis.label_errors.planted_labels import HELD_OUT_SEEDS, KINDS, planted

NUM_AUDITED, FIRST, NUM_COMMENTS, FLIPPED = 300, 200, 2_000, 0.2
RESAMPLES = 300

Measure = Callable[[np.ndarray, np.ndarray], float]
MEASURES: dict[str, Measure] = {"AUROC": roc_auc_score, "average precision": average_precision_score}

app = typer.Typer(help=__doc__, no_args_is_help=True)
Data = Annotated[Path, typer.Option(help="Folder of the data.")]


@app.command()
def digits() -> None:
    """Planted mistakes in digits and tumours, of held-out seeds."""
    for source in ("digits", "odd digits", "tumours"):
        for kind in KINDS:
            cases = [planted(source, kind, 0.15, seed) for seed in HELD_OUT_SEEDS]
            ours = [label_suspicion(case.probabilities, case.labels, case.features).scores for case in cases]
            plain = [1.0 - get_label_quality_scores(case.labels, case.probabilities) for case in cases]
            for name, measure in MEASURES.items():
                both = [
                    [measure(case.is_wrong, scores) for case, scores in zip(cases, side, strict=True)]
                    for side in (ours, plain)
                ]
                typer.echo(f"{source}, {kind}: {name} ours {np.mean(both[0]):.3f} cleanlab {np.mean(both[1]):.3f}")


@app.command()
def people(
    data: Data,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps the embeddings.")] = None,
    repeats: Annotated[int, typer.Option(help="Audits drawn for each set of labels.")] = 2_000,
    two_classes: Annotated[bool, typer.Option(help="Only labels that name one of the two true classes.")] = False,
) -> None:
    """Labels by people: `labels.csv` (file, clean_label, columns *_label*) and `images.zip`."""
    with (data / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    embeddings = _photo_embeddings(data, [row["file"] for row in rows], cache)
    for column in [name for name in rows[0] if "label" in name and name != "clean_label"]:
        names = sorted({row[column] for row in rows} | {row["clean_label"] for row in rows})
        labels, truth = (np.array([names.index(row[name]) for row in rows]) for name in (column, "clean_label"))
        kept = np.isin(labels, np.unique(truth)) | (not two_classes)
        _people_case(column, embeddings[kept], labels[kept], truth[kept], repeats)


@app.command()
def comments(data: Data, seeds: Annotated[int, typer.Option(help="Draws of rows and flips.")] = 10) -> None:
    """Texts: `train.tsv` with the columns document and label."""
    with (data / "train.tsv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = np.array([_precisions(rows, seed) for seed in range(seeds)])
    low, high = _mean_interval(found[:, 0] - found[:, 1])
    typer.echo(f"precision in the first {FIRST} of {NUM_COMMENTS} labels, {FLIPPED:.0%} flipped, {seeds} seeds:")
    typer.echo(
        f"  ours {found[:, 0].mean():.3f}, cleanlab {found[:, 1].mean():.3f}; worst {found.min(axis=0).round(3)}"
    )
    typer.echo(f"  difference {np.mean(found[:, 0] - found[:, 1]):+.4f}, 95% interval {low:+.4f} to {high:+.4f}")


def _precisions(rows: Sequence[dict[str, str]], seed: int) -> tuple[float, float]:
    """Precision in the first rows, of ours and of cleanlab."""
    rng = np.random.default_rng(seed)
    chosen = [rows[row] for row in rng.choice(len(rows), NUM_COMMENTS, replace=False).tolist()]
    truth = np.array([int(row["label"]) for row in chosen])
    flipped = np.zeros(NUM_COMMENTS, bool)
    flipped[rng.choice(NUM_COMMENTS, int(FLIPPED * NUM_COMMENTS), replace=False)] = True
    labels = np.where(flipped, 1 - truth, truth)
    features = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True).fit_transform(
        row["document"] for row in chosen
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    probabilities = cross_val_predict(
        LogisticRegression(max_iter=1000), features, labels, cv=folds, method="predict_proba"
    )
    embeddings = TruncatedSVD(128, random_state=seed).fit_transform(features)
    ours = label_suspicion(probabilities, labels, embeddings).scores
    plain = 1.0 - get_label_quality_scores(labels, probabilities)
    first, theirs = (float(flipped[np.argsort(-scores, kind="stable")[:FIRST]].mean()) for scores in (ours, plain))
    return first, theirs


def _people_case(name: str, embeddings: np.ndarray, labels: np.ndarray, truth: np.ndarray, repeats: int) -> None:
    present = np.unique(labels)
    labels, truth = np.searchsorted(present, labels), np.searchsorted(present, truth)
    probabilities = cross_validated_probabilities(embeddings, labels, len(present))
    is_wrong = labels != truth
    ours = label_suspicion(probabilities, labels, embeddings).scores
    plain = 1.0 - get_label_quality_scores(labels, probabilities)
    typer.echo(f"{name}: {len(labels)} labels, {is_wrong.mean():.1%} wrong")
    for words, measure in MEASURES.items():
        gap, low, high = _paired(measure, is_wrong, ours, plain)
        typer.echo(
            f"  {words}: ours {measure(is_wrong, ours):.3f}, cleanlab {measure(is_wrong, plain):.3f}; "
            f"difference {gap:+.3f}, 95% interval {low:+.3f} to {high:+.3f}"
        )
    _audits(ours, is_wrong, repeats)


def _audits(suspicion: np.ndarray, is_wrong: np.ndarray, repeats: int) -> None:
    rng, covered, plain, widths = np.random.default_rng(0), 0, 0, []
    share = float(is_wrong.mean())
    for _ in range(repeats):
        rows = rng.choice(len(is_wrong), NUM_AUDITED, replace=False)
        found = wrong_label_share(suspicion, rows, is_wrong[rows])
        covered += found.low <= share <= found.high
        plain += found.plain_low <= share <= found.plain_high
        widths.append((found.high - found.low, found.plain_high - found.plain_low))
    mean = np.mean(widths, axis=0)
    ratios = np.array([ours / theirs for ours, theirs in widths])
    low, high = _mean_interval(ratios)
    typer.echo(
        f"  audit of {NUM_AUDITED}: width {mean[0]:.4f}, plain {mean[1]:.4f}; ratio {ratios.mean():.3f}, "
        f"95% interval of the mean {low:.3f} to {high:.3f}, of single audits {np.quantile(ratios, 0.025):.3f} to "
        f"{np.quantile(ratios, 0.975):.3f}"
    )
    typer.echo(f"  coverage {_rate(covered, repeats)}, plain {_rate(plain, repeats)}")


def _paired(measure: Measure, is_wrong: np.ndarray, ours: np.ndarray, plain: np.ndarray) -> tuple[float, float, float]:
    """Difference of a measure, with its bootstrap interval."""
    rng, gaps = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        rows = rng.integers(0, len(is_wrong), len(is_wrong))
        gaps.append(measure(is_wrong[rows], ours[rows]) - measure(is_wrong[rows], plain[rows]))
    low, high = np.quantile(gaps, [0.025, 0.975])
    return measure(is_wrong, ours) - measure(is_wrong, plain), float(low), float(high)


def _mean_interval(values: np.ndarray) -> tuple[float, float]:
    half = float(t.ppf(0.975, len(values) - 1)) * float(values.std(ddof=1)) / np.sqrt(len(values))
    return float(values.mean()) - half, float(values.mean()) + half


def _rate(times: int, repeats: int) -> str:
    interval = binomtest(times, repeats).proportion_ci()
    return f"{times / repeats:.4f} ({interval.low:.4f} to {interval.high:.4f})"


def _photo_embeddings(data: Path, files: Sequence[str], cache: Path | None) -> np.ndarray:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if cache is None else cache
        if not any((folder / "embeddings").glob("shard-*")):
            _write_photos(data, files, folder / "photos")
            embed_examples(examples_path=folder / "photos", embeddings_path=folder / "embeddings", device="cpu")
        return np.concatenate([vectors for _, vectors in EmbeddingsTable(folder / "embeddings").iter_batches()])


def _write_photos(data: Path, files: Sequence[str], path: Path) -> None:
    sizes = ("image_width", "image_height")
    info = ExampleTableInfo(modality="image", class_names=("photo",), column_roles=dict.fromkeys(sizes, "derived"))
    with (
        zipfile.ZipFile(data / "images.zip") as images,
        ExampleTableWriter(path, info, extra_columns=dict.fromkeys(sizes, pa.int32())) as writer,
    ):
        columns = {
            "example_id": pa.array(files),
            "split": pa.array(["train"] * len(files)),
            "label": pa.array(["photo"] * len(files)),
            "image": pa.array([images.read(name) for name in files], pa.binary()),
            **{name: pa.array([32] * len(files), pa.int32()) for name in sizes},
        }
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))


if __name__ == "__main__":
    app()
