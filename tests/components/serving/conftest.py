"""A small bundle, its data, and one running server that the whole folder's tests share."""

from collections.abc import Iterator
import io
from pathlib import Path

import numpy as np
from PIL import Image
import pytest
import torch

from components.modeling.backbones import BackboneConfig, build_classifier
from components.modeling.predictor import load_predictor, Predictor, weights_of
from components.modeling.preprocessing import Preprocessing
from components.serving.child_server import running_server, RunningServer
from components.shared.bundle import BundleConfig, write_bundle

CLASS_NAMES = ("cat", "dog", "새")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "model"
    backbone = BackboneConfig(name="small_cnn")
    torch.manual_seed(7)
    classifier = build_classifier(backbone, num_classes=len(CLASS_NAMES), load_pretrained=False)
    config = BundleConfig(
        task="image_classification",
        class_names=CLASS_NAMES,
        backbone=backbone.to_dict(),
        preprocessing=Preprocessing(image_size=32, resize="crop").to_dict(),
        training={"recipe": "smoke", "seed": 7},
    )
    write_bundle(path, config, weights_of(classifier))
    return path


@pytest.fixture(scope="session")
def predictor(bundle: Path) -> Predictor:
    return load_predictor(bundle, device="cpu")


@pytest.fixture(scope="session")
def images() -> list[bytes]:
    """Files of several formats and sizes, each different."""
    generator = np.random.default_rng(3)
    files = []
    for number, file_format in enumerate(["JPEG", "PNG", "WEBP", "JPEG", "BMP", "PNG"]):
        size = (40 + 7 * number, 64 - 5 * number)
        pixels = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).resize(size).save(buffer, format=file_format)
        files.append(buffer.getvalue())
    return files


@pytest.fixture(scope="session")
def server(bundle: Path) -> Iterator[RunningServer]:
    with running_server(bundle, ready_timeout_s=180) as running:
        yield running
