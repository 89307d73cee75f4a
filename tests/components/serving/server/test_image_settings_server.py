"""Images are served as training saw them, whatever the normalisation, the Fourier settings and the team's function."""

import base64
import itertools
import json
import os
from pathlib import Path
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch

from components.modeling.backbone_config import BackboneConfig
from components.modeling.custom_features import CustomFeatures
from components.modeling.fourier.settings import FourierSettings
from components.modeling.images.features import ImageFeatures
from components.modeling.predictor import load_predictor
from components.shared.runtime.custom_code import ALLOWED_VARIABLE

NORMALIZATIONS = {
    "min_max": {},
    "standard": {},
    "channel": {"channel_mean": (120.0, 110.0, 100.0), "channel_std": (60.0, 61.0, 62.0)},
}
FOURIERS = {
    "none": None,
    "low": FourierSettings(filter="low_pass", high=0.3),
    "high": FourierSettings(filter="high_pass", low=0.1),
    "band": FourierSettings(filter="band_pass", low=0.1, high=0.5, spectrum_bins=8),
    "spectrum": FourierSettings(spectrum_bins=12),
}
FUNCTION = "served_team_images:mirrored"
CODE = """
import io

from PIL import Image, ImageOps
import pyarrow as pa


def mirrored(columns, options):
    files = []
    for data in columns["image"].to_pylist():
        buffer = io.BytesIO()
        ImageOps.mirror(Image.open(io.BytesIO(data)).convert("RGB")).save(buffer, format="PNG")
        files.append(buffer.getvalue())
    return {"image": pa.array(files, pa.binary())}
"""
SERVER = """
import json, sys
from components.modeling.predictor import load_predictor
from components.serving.server.bundle_model import BundleModel
from components.serving.server.model_server import BundleServer
from components.serving.server.config import ServerConfig

port, grpc_port, folders = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
config = ServerConfig(model_dir="", model_name="all", host="127.0.0.1", http_port=port, grpc_port=grpc_port)
models = [BundleModel(name, load_predictor(folder, device="cpu"), version="1") for name, folder in folders.items()]
BundleServer(config).start(models)
"""


@pytest.fixture(scope="module")
def bundles(tmp_path_factory, write_random_bundle):
    """A bundle of every combination, by name."""
    folder = tmp_path_factory.mktemp("bundles")
    (folder / "served_team_images.py").write_text(CODE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        patch.setenv(ALLOWED_VARIABLE, FUNCTION)
        every = {
            f"{normalization}-{fourier}": ImageFeatures(
                image_size=32, normalization=normalization, fourier=FOURIERS[fourier], **NORMALIZATIONS[normalization]
            )
            for normalization, fourier in itertools.product(NORMALIZATIONS, FOURIERS)
        }
        every["own"] = CustomFeatures(FUNCTION, {}, {"image": pa.binary()}, ImageFeatures(image_size=32))
        backbone = BackboneConfig(name="small_cnn")
        yield {name: write_random_bundle(folder / name, features, backbone) for name, features in every.items()}


@pytest.fixture(scope="module")
def server(bundles):
    """One server of them all."""
    with socket.socket() as first, socket.socket() as second:
        for opened in (first, second):
            opened.bind(("127.0.0.1", 0))
        ports = [opened.getsockname()[1] for opened in (first, second)]
    folders = json.dumps({name: str(folder) for name, folder in bundles.items()})
    command = [sys.executable, "-c", SERVER, *map(str, ports), folders]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        try:
            _wait_until_it_listens(ports[0], process)
            yield SimpleNamespace(http_port=ports[0])
        finally:
            process.kill()


def _wait_until_it_listens(port, process):
    until = time.monotonic() + 180
    while time.monotonic() < until:
        assert process.poll() is None, process.stderr.read().decode()
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not listen")


@pytest.mark.parametrize("name", [*map("-".join, itertools.product(NORMALIZATIONS, FOURIERS)), "own"])
def test_served_probabilities_are_those_of_the_training_process(name, bundles, server, send, images):
    predictor = load_predictor(bundles[name], device="cpu")
    stored = predictor.features.prepare({"image": pa.array(images, pa.binary())})
    trained = predictor._classifier
    with torch.inference_mode():
        tensors = predictor.features.tensors({key: torch.from_numpy(value) for key, value in stored.items()})
        wanted = trained(*tensors).softmax(dim=1).numpy()
    instances = [base64.b64encode(data).decode() for data in images]
    status, content, _ = send(server, f"/v1/models/{name}:predict", json.dumps({"instances": instances}))
    assert status == 200, content
    found = np.array([list(item["probabilities"].values()) for item in json.loads(content)["predictions"]])
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_the_settings_make_a_difference(bundles, images):
    columns = {"image": pa.array(images, pa.binary())}
    answers = []
    for folder in bundles.values():
        predictor = load_predictor(folder, device="cpu")
        answers.append(predictor.predict(predictor.prepare(columns)).probabilities_BK.round(6).tobytes())
    assert len(set(answers)) == len(answers)
