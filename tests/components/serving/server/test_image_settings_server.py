"""Images are served as training saw them, whatever the normalisation, the Fourier settings and the team's function."""

import base64
import json

import numpy as np
import pyarrow as pa
import pytest
import torch

from components.modeling.predictor import load_predictor
from tests.components.serving.server.image_settings import allow_own_code, names


@pytest.fixture(scope="module")
def bundles(image_bundles):
    """A bundle of every combination, by name, where the team's function may run."""
    with pytest.MonkeyPatch.context() as patch:
        allow_own_code(patch, image_bundles["own"].parent)
        yield image_bundles


@pytest.mark.parametrize("name", names())
def test_served_probabilities_are_those_of_the_training_process(name, bundles, server_of_many, send, images):
    predictor = load_predictor(bundles[name], device="cpu")
    stored = predictor.features.prepare({"image": pa.array(images, pa.binary())})
    trained = predictor._classifier
    with torch.inference_mode():
        tensors = predictor.features.tensors({key: torch.from_numpy(value) for key, value in stored.items()})
        wanted = trained(*tensors).softmax(dim=1).numpy()
    instances = [base64.b64encode(data).decode() for data in images]
    status, content, _ = send(server_of_many, f"/v1/models/{name}:predict", json.dumps({"instances": instances}))
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
