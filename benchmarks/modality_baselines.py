"""Text and tables: the training's own recipes against scikit-learn, on the same rows, in one run.

`python -m benchmarks.modality_baselines --source table.csv --problem problem.yaml` ingests a table, trains with the
recipe `full`, and fits the peers: character TF-IDF with logistic regression for text; logistic regression and histogram
gradient boosting for tables. Peers learn from training and validation rows; ours chooses its epoch on the latter.
"""

from collections.abc import Callable
from pathlib import Path
import tempfile
import time
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
import torch
import typer

from components.data_ingestion.jobs.ingest_examples import ingest_examples, IngestionOutputs
from components.feature_engineering.jobs import build_feature_store
from components.modeling.backbone_config import backbone_config_from
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.problem import read_problem
from components.shared.feature_store.store import FeatureStore
from components.training.recipes import recipe_config
from components.training.trainer.checkpoints import CheckpointFolder
from components.training.trainer.fit import fit

_RARE = 10
_MAX_CATEGORIES = 255

Fitted = Callable[[dict[str, Any]], np.ndarray]


def main(
    source: Annotated[str, typer.Option(help="A table.")],
    problem: Annotated[Path, typer.Option(help="Its problem file.")],
    seeds: Annotated[int, typer.Option(help="Trainings, each with a seed of its own.")] = 1,
) -> None:
    """Print accuracy, ROC AUC and seconds of every model on the test split."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        outputs = IngestionOutputs(
            examples=folder / "examples", report=folder / "ingestion.html", verdict=folder / "ingestion.json"
        )
        ingest_examples(source=source, problem=read_problem(problem), outputs=outputs)
        table = ExampleTable(folder / "examples")
        typer.echo(f"{table.info.modality}: {table.counts()}")
        for name, predict in {**_peers(table), **_ours(folder, seeds)}.items():
            started = time.perf_counter()
            labels, probabilities = predict()
            seconds = time.perf_counter() - started
            accuracy, auc = float((probabilities.argmax(axis=1) == labels).mean()), _auc(labels, probabilities)
            typer.echo(f"{name:<28} accuracy {accuracy:.4f}  ROC AUC {auc:.4f}  {seconds:.1f} s")


def _ours(folder: Path, seeds: int) -> dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]]:
    def trained(seed: int) -> tuple[np.ndarray, np.ndarray]:
        build_feature_store(
            examples_path=folder / "examples",
            backbone="auto",
            features_path=folder / "features",
            report_path=folder / "features.html",
        )
        store = FeatureStore(folder / "features")
        config = recipe_config("full", backbone_config_from(store.preparation["backbone"]))
        checkpoints = CheckpointFolder(uri=str(folder / f"checkpoints-{seed}"))
        result = fit(store, config, seed=seed, device=torch.device("cpu"), checkpoints=checkpoints)
        rows = store.indices("test")
        parts = []
        with torch.inference_mode():
            for start in range(0, len(rows), 512):
                inputs = store.gather(rows[start : start + 512])
                tensors = result.features.tensors({name: torch.from_numpy(value) for name, value in inputs.items()})
                parts.append(result.classifier(*tensors).softmax(dim=1).numpy())
        return store.labels[rows], np.concatenate(parts)

    return {f"ours, seed {seed}": lambda seed=seed: trained(seed) for seed in range(seeds)}


def _peers(table: ExampleTable) -> dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]]:
    rows = {part: _rows(table, splits) for part, splits in (("fit", ["train", "validation"]), ("test", ["test"]))}
    makers = _text_peers() if table.info.modality == "text" else _table_peers(table)

    def fitted(make: Callable[[], Any]) -> tuple[np.ndarray, np.ndarray]:
        model = make().fit(*rows["fit"])
        return rows["test"][1], model.predict_proba(rows["test"][0])

    return {name: lambda make=make: fitted(make) for name, make in makers.items()}


def _rows(table: ExampleTable, splits: list[str]) -> tuple[Any, np.ndarray]:
    payload = ["text"] if table.info.modality == "text" else list(table.info.columns_of("feature"))
    read = table.read([*payload, "label"], splits=splits)
    labelled = read.filter(pa.compute.is_valid(read.column("label")))
    labels = np.array([table.info.class_index(label) for label in labelled.column("label").to_pylist()])
    if table.info.modality == "text":
        return labelled.column("text").to_pylist(), labels
    return labelled.select(payload).to_pandas(), labels


def _text_peers() -> dict[str, Callable[[], Any]]:
    def tfidf() -> Any:
        vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 3))
        return make_pipeline(vectors, LogisticRegression(max_iter=1000))

    return {"TF-IDF, logistic regression": tfidf}


def _table_peers(table: ExampleTable) -> dict[str, Callable[[], Any]]:
    columns = table.info.columns_of("feature")
    texts = [name for name in columns if pa.types.is_string(table.schema.field(name).type)]
    numbers = [name for name in columns if name not in texts]

    def logistic() -> Any:
        scaled = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
        known = make_pipeline(
            SimpleImputer(strategy="constant", fill_value="", missing_values=None),
            OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=_RARE),
        )
        prepared = ColumnTransformer([("numbers", scaled, numbers), ("texts", known, texts)])
        return make_pipeline(prepared, LogisticRegression(max_iter=5000))

    def boosted() -> Any:
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=_MAX_CATEGORIES)
        prepared = ColumnTransformer([("texts", codes, texts), ("numbers", "passthrough", numbers)])
        categorical = list(range(len(texts)))
        return make_pipeline(prepared, HistGradientBoostingClassifier(categorical_features=categorical, random_state=0))

    return {"logistic regression": logistic, "gradient boosting": boosted}


def _auc(labels: np.ndarray, probabilities: np.ndarray) -> float:
    scores = probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities
    return float(roc_auc_score(labels, scores, multi_class="ovr"))


if __name__ == "__main__":
    typer.run(main)
