import base64
import json
import os

import numpy as np
import pyarrow as pa
import pytest

from components.modeling.backbone_config import BackboneConfig
from components.modeling.images.features import ImageFeatures
from components.modeling.predictor import load_predictor
from components.shared.runtime.custom_code import ALLOWED_VARIABLE
from components.shared.served_model.child_server import MODEL_NAME, running_server, ServerStartError

MODEL = "served_team_model:build"
CODE = """
from torch import nn


def build(config):
    size = config.features.image_size
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * size * size, 5), nn.ReLU(), nn.Linear(5, config.num_classes))
"""


@pytest.fixture
def own_bundle(tmp_path, monkeypatch, write_random_bundle):
    (tmp_path / "served_team_model.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv(ALLOWED_VARIABLE, MODEL)
    return write_random_bundle(tmp_path / "model", ImageFeatures(image_size=16), BackboneConfig(name=MODEL))


@pytest.mark.slow
def test_a_model_of_ones_own_is_served_where_the_environment_allows_it(own_bundle, send, images):
    wanted = load_predictor(own_bundle, device="cpu")
    instances = [base64.b64encode(data).decode() for data in images]

    with running_server(own_bundle, ready_timeout_s=180) as server:
        status, content, _ = send(server, f"/v1/models/{MODEL_NAME}:predict", json.dumps({"instances": instances}))

    assert status == 200, content
    found = np.array([list(item["probabilities"].values()) for item in json.loads(content)["predictions"]])
    prediction = wanted.predict(wanted.prepare({"image": pa.array(images, pa.binary())}))
    assert np.abs(found - prediction.probabilities_BK).max() < 1e-6


@pytest.mark.slow
def test_a_model_of_ones_own_that_is_not_allowed_stops_the_server_at_its_start(own_bundle, monkeypatch):
    monkeypatch.delenv(ALLOWED_VARIABLE)

    with pytest.raises(ServerStartError) as refused, running_server(own_bundle, ready_timeout_s=180):
        pass

    assert "ended with status 2 before it was ready" in str(refused.value)
    assert f"set {ALLOWED_VARIABLE}={MODEL} where that code may run; it is empty" in str(refused.value)
    assert "Traceback" not in refused.value.log_end
