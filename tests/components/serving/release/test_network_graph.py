"""A release's network for ONNX Runtime: there where its answers are the model's, else a sentence says why it is not."""

import json

import numpy as np
import pytest
import yaml

from components.modeling.backbone_config import BackboneConfig
from components.modeling.images.decoding import encode_png
from components.modeling.images.features import ImageFeatures
from components.serving.jobs import Candidate, publish_model
from components.serving.release.network_graph import network_graph
from components.shared.contracts.bundle import file_listing, NETWORK_FILE, read_config
from components.shared.contracts.inference_service import CPU_RUNTIME, CPU_RUNTIME_ANNOTATION
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.custom_code import ALLOWED_VARIABLE
from tests.components.serving.conftest import CLASS_NAMES
from tests.components.serving.replays import write_examples

MODEL = "published_team_model:build"
# What a trace takes for a constant depends on the rows: on how many there are, and how bright they are.
CODE = """
from torch import nn


class Turning(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.head = nn.Linear(3 * config.features.image_size**2, config.num_classes)
        self.place = config.options["place"]

    def forward(self, images_BCHW):
        turned = -1.0 if max(len(images_BCHW) / 16, float(images_BCHW.mean())) > self.place else 1.0
        return self.head(images_BCHW.flatten(1)) * turned


def build(config):
    return Turning(config)
"""


@pytest.fixture
def publish(tmp_path):
    evaluation, verdict = tmp_path / "evaluation.json", tmp_path / "verdict.json"
    evaluation.write_text(json.dumps({"format_version": 1, "metrics": {"accuracy": 0.9}}))
    write_verdict(verdict, Verdict(check="analysis", passed=True, reason="good"))

    def published(bundle, **more):
        return publish_model(
            Candidate(model=bundle, evaluation=evaluation, verdict=verdict, **more),
            model_name="pets",
            model_root=str(tmp_path / "models"),
            inference_service_path=tmp_path / "service.yaml",
        )

    return published


@pytest.fixture
def turning_bundle(tmp_path, monkeypatch, write_random_bundle):
    """A bundle of a network that answers otherwise from `place` on: 0.4 for 8 rows, 0.75 for white photos alone."""
    (tmp_path / "published_team_model.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(ALLOWED_VARIABLE, MODEL)

    def written(place):
        backbone = BackboneConfig(name=MODEL, options={"place": place})
        return write_random_bundle(tmp_path / "model", ImageFeatures(image_size=16), backbone)

    return written


def annotations(path):
    return yaml.safe_load((path / "service.yaml").read_text())["metadata"]["annotations"]


def test_a_release_has_its_network_and_says_that_it_runs_without_torch(publish, bundle, tmp_path, caplog):
    caplog.set_level("INFO")

    release = publish(bundle).release_uri

    read_config(release)  # which holds it against its hash, too
    assert NETWORK_FILE in file_listing(release)
    assert annotations(tmp_path)[CPU_RUNTIME_ANNOTATION] == CPU_RUNTIME
    assert "the release has network.onnx: its answers differ from the model's by at most" in caplog.text
    assert not publish(bundle).is_new


def test_a_release_that_is_published_again_keeps_its_network(publish, bundle):
    release = publish(bundle)

    again = publish(release.release_uri)

    assert (again.version, again.is_new) == (release.version, False)


def test_a_network_that_answers_otherwise_is_left_out_and_the_log_says_so(publish, turning_bundle, tmp_path, caplog):
    release = publish(turning_bundle(0.4)).release_uri

    assert NETWORK_FILE not in file_listing(release)
    assert CPU_RUNTIME_ANNOTATION not in annotations(tmp_path)
    assert "no network.onnx, and is served with torch: answers differ from the model's by" in caplog.text


def test_held_out_examples_are_compared_too(turning_bundle, tmp_path):
    bundle = turning_bundle(0.75)
    white = encode_png(np.full((16, 16, 3), 255, np.uint8))
    for split, differs in (("train", False), ("test", True)):
        examples = write_examples(tmp_path / split, [white], CLASS_NAMES, split=split)
        assert (network_graph(bundle, examples=examples) is None) == differs


def test_a_model_that_may_not_be_built_here_is_published_without_a_network(
    publish, turning_bundle, monkeypatch, caplog
):
    bundle = turning_bundle(0.4)
    monkeypatch.delenv(ALLOWED_VARIABLE)

    assert NETWORK_FILE not in file_listing(publish(bundle).release_uri)

    assert f"and is served with torch: the bundle at {bundle} cannot be used" in caplog.text
