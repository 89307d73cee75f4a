"""Small bundles, data for them, and one running server of each that the whole folder's tests share."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
import http.client
import io
from pathlib import Path

import grpc
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub
import numpy as np
from PIL import Image
import pyarrow as pa
import pytest
import torch

from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.features import Features
from components.modeling.images.features import ImageFeatures
from components.modeling.predictor import load_predictor, Predictor, weights_of
from components.modeling.tabular.features import fit_tabular_features
from components.modeling.text.char_ngrams import TextFeatures
from components.serving.release.network_graph import network_graph
from components.shared.contracts.bundle import add_files, BundleConfig, FEATURES_FOLDER, NETWORK_FILE, write_bundle
from components.shared.served_model.child_server import running_server, RunningServer

CLASS_NAMES = ("cat", "dog", "새")


@pytest.fixture(scope="session")
def write_random_bundle() -> Callable[[Path, Features, BackboneConfig], Path]:
    """Writes a bundle of a network with random weights."""

    def written(path, features, backbone):
        torch.manual_seed(7)
        classifier = build_classifier(backbone, features, num_classes=len(CLASS_NAMES), load_pretrained=False)
        with torch.no_grad():  # some weights begin at 0, and all examples would look the same
            for parameter in classifier.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        config = BundleConfig(
            task=f"{features.modality}_classification",
            class_names=CLASS_NAMES,
            backbone=backbone.to_dict(),
            preprocessing=features.to_dict(),
            training={"recipe": "smoke", "seed": 7},
        )
        files = {f"{FEATURES_FOLDER}/{name}": content for name, content in features.files().items()}
        write_bundle(path, config, weights_of(classifier), files=files)
        return path

    return written


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, write_random_bundle) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "model"
    return write_random_bundle(path, ImageFeatures(image_size=32, resize="crop"), BackboneConfig(name="small_cnn"))


@pytest.fixture(scope="session")
def text_bundle(tmp_path_factory: pytest.TempPathFactory, write_random_bundle) -> Path:
    path = tmp_path_factory.mktemp("text") / "model"
    return write_random_bundle(path, TextFeatures(), BackboneConfig(name="char_ngrams"))


@pytest.fixture(scope="session")
def table_bundle(tmp_path_factory: pytest.TempPathFactory, write_random_bundle) -> Path:
    path = tmp_path_factory.mktemp("table") / "model"
    columns = {
        "fare": pa.array([3.25, 7.0, None, 12.5, 40.0, 8.75] * 20, pa.float64()),
        "hour": pa.array([0, 7, 12, 18, 23, None] * 20, pa.int64()),
        "payment_type": pa.array(["Cash", "Card", None, "Cash", "Card", "Cash"] * 20, pa.string()),
        "회사": pa.array(["택시", None, "Blue", "택시", "Blue", "택시"] * 20, pa.string()),
    }
    features = fit_tabular_features([columns], {name: values.type for name, values in columns.items()})
    return write_random_bundle(path, features, BackboneConfig(name="mlp"))


@pytest.fixture(scope="session")
def bundle_with_network(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Path:
    """The bundle as a release has it: with its network for ONNX Runtime, which publishing then keeps."""
    path = tmp_path_factory.mktemp("with-network") / "model"
    add_files(bundle, path, {NETWORK_FILE: network_graph(bundle)})
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


@pytest.fixture(scope="session")
def send() -> Callable[..., tuple[int, bytes, http.client.HTTPMessage]]:
    """Sends one HTTP request to a running server: status, body and headers of the answer."""

    def sent(server, path, body=None, *, method="POST", content_type="application/json", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=60)
        try:
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            if content_type is not None:
                headers["Content-Type"] = content_type
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.read(), response.headers
        finally:
            connection.close()

    return sent


@pytest.fixture(scope="session")
def grpc_stub() -> Callable[[RunningServer], AbstractContextManager[GRPCInferenceServiceStub]]:
    """Opens a client of a running server's gRPC side, for the length of a block."""

    @contextmanager
    def opened(server):
        options = [("grpc.max_send_message_length", -1), ("grpc.enable_http_proxy", 0)]
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options=options) as channel:
            yield GRPCInferenceServiceStub(channel)

    return opened
