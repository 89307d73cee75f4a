"""Numbers: the training's own recipe beside scikit-learn's histogram gradient boosting, on the same rows, in one run.

`python -m benchmarks.regression_baselines` takes two tables: the diabetes data that scikit-learn ships, and Friedman's
first problem with one of its numbers as a category and gaps. The peer learns from training and validation rows; ours
chooses its epoch on the latter. RMSE of the test split is printed; there is no bar.
"""

from collections.abc import Callable
from pathlib import Path
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.preprocessing import OrdinalEncoder
import torch
import typer

from components.data_ingestion.jobs.ingest_examples import ingest_examples, IngestionOutputs
from components.feature_engineering.jobs import build_feature_store
from components.modeling.backbone_config import backbone_config_from
from components.modeling.task import stored_task
from components.shared.contracts.example_table import ExampleTable
from components.shared.feature_store.store import FeatureStore
from components.training.recipes import recipe_config
from components.training.trainer.checkpoints import CheckpointFolder
from components.training.trainer.fit import fit

_GAPS = 0.05


def main(seed: int = 0) -> None:
    """Print the RMSE of both on every table."""
    for name, write in TABLES.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            write(folder / f"{name}.csv")
            outputs = IngestionOutputs(
                examples=folder / "examples", report=folder / "ingestion.html", verdict=folder / "ingestion.json"
            )
            ingest_examples(source=str(folder / f"{name}.csv"), problem="label: {column: target}", outputs=outputs)
            found = {"recipe full": _ours, "HistGradientBoostingRegressor": _peer}
            for model, measure in found.items():
                started = time.perf_counter()
                rmse, spread = measure(folder, seed)
                seconds = time.perf_counter() - started
                typer.echo(f"{name:<10} {model:<30} RMSE {rmse:.4g}  (labels {spread:.4g})  {seconds:.1f} s")


def write_diabetes(path: Path) -> None:
    """The diabetes table, 442 rows, its label a whole number from 25 to 346."""
    data = load_diabetes(scaled=False)
    columns = dict(zip(data.feature_names, data.data.T, strict=True))
    pa_csv.write_csv(pa.table({**columns, "target": data.target.astype(np.int64)}), path)


def write_friedman(path: Path, *, num_rows: int = 2000) -> None:
    """Friedman's first problem: its first number as a category of 8 levels, 5 % of the others missing."""
    numbers_NF, labels_N = make_friedman1(num_rows, n_features=8, noise=1.0, random_state=0)
    gaps_NF = np.random.default_rng(0).random(numbers_NF.shape) < _GAPS
    columns = {f"x{number}": pa.array(numbers_NF[:, number], mask=gaps_NF[:, number]) for number in range(1, 8)}
    levels = pa.array([f"level {int(value * 8)}" for value in numbers_NF[:, 0]])
    pa_csv.write_csv(pa.table({"level": levels, **columns, "target": labels_N}), path)


TABLES: dict[str, Callable[[Path], None]] = {"diabetes": write_diabetes, "friedman1": write_friedman}


def _ours(folder: Path, seed: int) -> tuple[float, float]:
    build_feature_store(
        examples_path=folder / "examples",
        backbone="auto",
        features_path=folder / "features",
        report_path=folder / "features.html",
    )
    store = FeatureStore(folder / "features")
    config = recipe_config("full", backbone_config_from(store.preparation["backbone"]))
    checkpoints = CheckpointFolder(uri=str(folder / "checkpoints"))
    result = fit(store, config, seed=seed, device=torch.device("cpu"), checkpoints=checkpoints)
    rows = store.indices("test")
    inputs = {name: torch.from_numpy(value) for name, value in store.gather(rows).items()}
    with torch.inference_mode():
        answers = stored_task(store).answers(result.classifier(*result.features.tensors(inputs)))
    assert answers.numbers_B is not None
    return _errors(answers.numbers_B, store.labels[rows])


def _peer(folder: Path, seed: int) -> tuple[float, float]:
    table = ExampleTable(folder / "examples")
    names = table.info.columns_of("feature")
    learnt, tested = (table.read([*names, "label"], splits=splits) for splits in (["train", "validation"], ["test"]))
    texts = [name for name in names if pa.types.is_string(table.schema.field(name).type)]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    if texts:
        encoder.fit(_texts(learnt, texts))
    model = HistGradientBoostingRegressor(
        categorical_features=[name in texts for name in names], random_state=seed, early_stopping=False
    )
    model.fit(_matrix(learnt, names, texts, encoder), learnt.column("label").to_numpy())
    return _errors(model.predict(_matrix(tested, names, texts, encoder)), tested.column("label").to_numpy())


def _texts(table: pa.Table, names: list[str]) -> np.ndarray:
    columns = [np.array(table.column(name).fill_null("").to_pylist(), object) for name in names]
    return np.stack(columns, axis=1)


def _matrix(table: pa.Table, names: tuple[str, ...], texts: list[str], encoder: OrdinalEncoder) -> np.ndarray:
    codes = dict(zip(texts, encoder.transform(_texts(table, texts)).T, strict=True)) if texts else {}
    columns = [codes[name] if name in codes else table.column(name).to_numpy().astype(np.float64) for name in names]
    return np.stack(columns, axis=1)


def _errors(predicted: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """RMSE, and that of always answering the mean."""
    return float(np.sqrt(np.mean((predicted - labels) ** 2))), float(labels.std())


if __name__ == "__main__":
    typer.run(main)
