"""The serving images hold less than the desk's environment: what the server imports must be in the image's lock."""

import re
import subprocess
import sys

import numpy as np
from PIL import Image
import pyarrow as pa

from components.modeling.backbone_config import BackboneConfig
from components.modeling.images.features import ImageFeatures
from components.modeling.predictor import load_predictor
from components.serving.release.network_graph import network_graph
from components.shared.contracts.bundle import add_files, NETWORK_FILE

LIKE_THE_IMAGE = """
import importlib, importlib.metadata, re, sys

locked = set(sys.argv[1].split())
known = importlib.metadata.packages_distributions()
plain = lambda name: re.sub(r"[-_.]+", "-", name).lower()
absent = {top for top, owners in known.items() if not {plain(owner) for owner in owners} & locked}


class Image:
    def find_spec(self, name, path, target=None):
        if name in absent:
            raise ModuleNotFoundError(f"the image has no {name}", name=name)


sys.meta_path.insert(0, Image())
"""
IMPORTS = """
assert "mlxtend" in absent and "torch" not in absent
for module in ("components.serving.__main__", "components.serving.jobs", "components.serving.server.model_server"):
    importlib.import_module(module)
"""
ANSWERS = """
assert "torch" in absent
import components.serving.__main__, components.serving.server.model_server
from components.serving.server.backends import Backends
import numpy, pathlib, pyarrow

backends = Backends(sys.argv[2], device="auto", num_threads=1)
assert backends.names == ("onnxruntime",), backends.names
model = backends.backend("onnxruntime").use()
inputs = model.prepare({"image": pyarrow.array([pathlib.Path(sys.argv[3]).read_bytes()], pyarrow.binary())})
numpy.savez(sys.argv[4], image=inputs["image"], probabilities=model.predict(inputs).probabilities_BK)
"""


def run(repository, locks, program, *arguments):
    text = "".join((repository / "docker" / f"{name}.txt").read_text(encoding="utf-8") for name in locks)
    pinned = re.findall(r"(?m)^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==", text)
    names = [re.sub(r"[-_.]+", "-", name).lower() for name in pinned]
    done = subprocess.run(
        [sys.executable, "-c", LIKE_THE_IMAGE + program, " ".join(names), *map(str, arguments)],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_server_and_jobs_import_nothing_that_the_image_lacks(repository):
    run(repository, ("serving", "torch-cu13"), IMPORTS)


def test_without_torch_the_server_prepares_and_answers_the_same(repository, tmp_path, write_random_bundle):
    features = ImageFeatures(image_size=32, resize="crop", decoding="scaled")
    bundle = write_random_bundle(tmp_path / "model", features, BackboneConfig(name="small_cnn"))
    add_files(bundle, tmp_path / "release", {NETWORK_FILE: network_graph(bundle)})
    pixels = np.random.default_rng(1).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    Image.fromarray(pixels).resize((300, 170)).save(tmp_path / "photo.jpg")

    run(repository, ("serving-cpu",), ANSWERS, tmp_path / "release", tmp_path / "photo.jpg", tmp_path / "found.npz")

    predictor, found = load_predictor(bundle, device="cpu"), np.load(tmp_path / "found.npz")
    wanted = predictor.prepare({"image": pa.array([(tmp_path / "photo.jpg").read_bytes()], pa.binary())})
    np.testing.assert_array_equal(found["image"], wanted["image"])
    np.testing.assert_allclose(found["probabilities"], predictor.predict(wanted).probabilities_BK, atol=1e-5)
