"""Example tables and predictions tables for replays, and replays of texts and of rows at a running server."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from components.modeling.predictor import load_predictor
from components.serving.probe.replay import Replay, replay_examples
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsTable, PredictionsWriter
from components.shared.served_model.child_server import RunningServer
from components.shared.served_model.held_out_examples import held_out_examples
from components.shared.served_model.inference_client import InferenceClient

MODALITIES = {
    "text": {"text": pa.array(["영화가 좋았다", "", "🐈", "YWJj"], pa.string())},
    "tabular": {
        "fare": pa.array([12.5, None, 1e300, float("inf")], pa.float64()),
        "hour": pa.array([7, None, 2**53 + 1, -1], pa.int64()),
        "payment_type": pa.array(["Cash", None, "never seen", "Card"], pa.string()),
        "회사": pa.array([None, "택시", "Blue", 'a, "b"'], pa.string()),
    },
}


def write_examples(path: Path, images: list[bytes], class_names, *, split="test") -> Path:
    info = ExampleTableInfo(modality="image", class_names=class_names, column_roles={})
    with ExampleTableWriter(path, info, extra_columns={}) as writer:
        count = len(images)
        columns = [
            pa.array([f"image-{i}" for i in range(count)]),
            pa.array([split] * count),
            pa.array([class_names[0]] * count),
            pa.array(images, pa.binary()),
        ]
        writer.write(pa.RecordBatch.from_arrays(columns, ["example_id", "split", "label", "image"]))
    return path


def write_columns(path: Path, modality: str, columns: dict[str, pa.Array], class_names) -> Path:
    """An example table of texts or rows, with a column that no model reads."""
    extra = {**({} if modality == "text" else columns), "note": pa.array(["private"] * 4)}
    roles = {name: "metadata" if name == "note" else "feature" for name in extra}
    info = ExampleTableInfo(modality=modality, class_names=class_names, column_roles=roles)
    with ExampleTableWriter(path, info, extra_columns={name: values.type for name, values in extra.items()}) as writer:
        base = {
            "example_id": pa.array([f"image-{i}" for i in range(4)]),
            "split": pa.array(["test"] * 4),
            "label": pa.array([class_names[0]] * 4),
        }
        arrays = {**base, **columns, **extra}
        writer.write(pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)))
    return path


def write_predictions(path: Path, probabilities: np.ndarray, class_names, *, split="test", first_id=0) -> Path:
    count = len(probabilities)
    with PredictionsWriter(path, class_names=class_names, extra_columns={}) as writer:
        writer.write(
            example_ids=[f"image-{first_id + i}" for i in reversed(range(count))],
            splits=[split] * count,
            labels=[class_names[0]] * count,
            probabilities=probabilities[::-1],
            embeddings=np.empty((count, 0)),
            extra={},
        )
    return path


def replayed(model: Path, server: RunningServer, model_name: str, modality: str, folder: Path) -> Replay:
    """A replay of `MODALITIES[modality]` with the predictions of the same bundle."""
    predictor = load_predictor(model, device="cpu")
    columns = MODALITIES[modality]
    probabilities = predictor.predict(predictor.prepare(columns)).probabilities_BK
    examples = write_columns(folder / "examples", modality, columns, predictor.class_names)
    predictions = write_predictions(folder / "predictions", probabilities, predictor.class_names)
    held_out = held_out_examples(ExampleTable(examples), PredictionsTable(predictions), at_most=64)
    with InferenceClient(server.http_port, model_name=model_name) as client:
        return replay_examples(client, held_out)
