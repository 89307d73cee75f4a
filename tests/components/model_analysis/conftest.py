"""Small real things: photos of two kinds, a model that tells them apart, tables of them."""

from collections.abc import Callable, Sequence
import io
from pathlib import Path

import numpy as np
from PIL import Image
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
import torch

from components.modeling.backbones import BackboneConfig, build_classifier
from components.modeling.predictor import Predictor, weights_of
from components.modeling.preprocessing import Preprocessing
from components.shared.bundle import BundleConfig, write_bundle
from components.shared.example_table import ExampleTableInfo, ExampleTableWriter

Photo = Callable[..., bytes]
MakeTable = Callable[..., Path]
BRIGHTNESS = {"cat": 190, "dog": 60}


@pytest.fixture(scope="session")
def photo() -> Photo:
    """Photos: of a cat bright, of a dog dark, of a bird in between."""

    def make(kind: str, seed: int = 0, *, file_format: str = "JPEG", size: tuple[int, int] = (40, 30)) -> bytes:
        generator = np.random.default_rng(seed)
        noise = generator.integers(-30, 31, (size[1], size[0], 3))
        pixels = np.clip(BRIGHTNESS.get(kind, 125) + noise, 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format=file_format)
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory, photo: Photo) -> Path:
    """A bundle that takes bright photos for cats and dark ones for dogs."""
    torch.manual_seed(0)
    backbone, preprocessing = BackboneConfig(name="small_cnn"), Preprocessing(image_size=16)
    config = BundleConfig(
        task="image_classification",
        class_names=("cat", "dog"),
        backbone=backbone.to_dict(),
        preprocessing=preprocessing.to_dict(),
    )
    network = build_classifier(backbone, num_classes=2, load_pretrained=False)
    predictor = Predictor(network, config, device=torch.device("cpu"))
    kinds = ["cat", "dog"] * 20
    images = predictor.prepare([photo(kind, 1000 + seed) for seed, kind in enumerate(kinds)])
    fitted = LogisticRegression(C=100.0).fit(predictor.predict(images).embeddings_BD, [kind == "dog" for kind in kinds])
    half = torch.tensor(fitted.coef_[0] / 2, dtype=torch.float32)
    bias = float(fitted.intercept_[0]) / 2
    with torch.no_grad():
        network.head.weight.copy_(torch.stack([-half, half]))
        network.head.bias.copy_(torch.tensor([-bias, bias]))
    path = tmp_path_factory.mktemp("model") / "bundle"
    write_bundle(path, config, weights_of(network))
    return path


@pytest.fixture
def make_table(tmp_path: Path, photo: Photo) -> MakeTable:
    """Writes an example table from rows of (split, label, what the photo shows)."""

    def make(
        rows: Sequence[tuple[str, str | None, str]],
        *,
        class_names: Sequence[str] = ("cat", "dog"),
        name: str = "examples",
    ) -> Path:
        info = ExampleTableInfo(
            modality="image", class_names=tuple(class_names), column_roles={"camera": "slice", "note": "metadata"}
        )
        images = [photo(kind, seed) if kind != "damaged" else b"no image" for seed, (_, _, kind) in enumerate(rows)]
        columns = {
            "example_id": pa.array([f"example-{number}" for number in range(len(rows))]),
            "split": pa.array([split for split, _, _ in rows], pa.string()),
            "label": pa.array([label for _, label, _ in rows], pa.string()),
            "image": pa.array(images, pa.binary()),
            "camera": pa.array([f"camera-{number % 2}" for number in range(len(rows))], pa.string()),
            "note": pa.array(["private"] * len(rows), pa.string()),
        }
        path = tmp_path / name
        extra = {"camera": pa.string(), "note": pa.string()}
        with ExampleTableWriter(path, info, extra_columns=extra) as writer:
            writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
        return path

    return make
