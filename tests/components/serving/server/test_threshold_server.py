"""A model of two classes answers at the threshold that its evaluation chose."""

import http.client
import json

import numpy as np
import pyarrow as pa
import pytest

from components.modeling.answers import Answers
from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.predictor import load_predictor, weights_of
from components.modeling.text.char_ngrams import TextFeatures
from components.serving.server.answer_formats import ClassFormat
from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.contracts.operating_threshold import OperatingThreshold
from components.shared.served_model.child_server import MODEL_NAME, running_server

TEXTS = ["영화가 정말 좋았다", "no", "x" * 40, "", "🐈 cat", "dog dog dog"]


@pytest.mark.parametrize(
    ("threshold", "labels"),
    [
        (None, ["dog", "cat", "cat"]),
        (OperatingThreshold(positive=1, value=0.3), ["dog", "dog", "cat"]),
        (OperatingThreshold(positive=0, value=0.2), ["cat", "cat", "cat"]),
        (OperatingThreshold(positive=1, value=0.9), ["cat", "cat", "cat"]),
    ],
)
def test_the_label_is_what_the_threshold_makes_of_the_probability(threshold, labels):
    answers = Answers(probabilities_BK=np.array([[0.2, 0.8], [0.7, 0.3], [0.75, 0.25]]))
    served = ClassFormat(("cat", "dog"), threshold)
    assert [row["label"] for row in served.predictions(answers, served.labels(answers))] == labels
    assert served.outputs(answers, served.labels(answers))["label"].data == labels


def test_a_release_is_served_at_its_threshold(tmp_path):
    config = BundleConfig(
        task="text_classification",
        class_names=("cat", "dog"),
        backbone=BackboneConfig(name="char_ngrams").to_dict(),
        preprocessing=TextFeatures().to_dict(),
    )
    network = build_classifier(BackboneConfig(name="char_ngrams"), TextFeatures(), num_classes=2, load_pretrained=False)
    for number, parameter in enumerate(network.parameters()):
        parameter.data += 0.1 * (-1) ** number
    write_bundle(tmp_path / "plain", config, weights_of(network))
    predictor = load_predictor(tmp_path / "plain", device="cpu")
    dogs = predictor.predict(predictor.prepare({"text": pa.array(TEXTS, pa.string())})).probabilities_BK[:, 1]
    threshold = float(np.median(dogs))
    wanted = np.where(dogs >= threshold, "dog", "cat").tolist()
    assert wanted != np.where(dogs >= 0.5, "dog", "cat").tolist()
    point = {"operating_point": {"positive": "dog", "threshold": threshold - 1e-6}}
    files = {"evaluation.json": json.dumps(point).encode()}
    write_bundle(tmp_path / "released", config, weights_of(network), files=files)
    with running_server(tmp_path / "released", ready_timeout_s=180) as server:
        body = json.dumps({"instances": [{"text": text} for text in TEXTS]})
        client = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=60)
        client.request("POST", f"/v1/models/{MODEL_NAME}:predict", body, {"Content-Type": "application/json"})
        answer = json.loads(client.getresponse().read())
        client.close()
    assert [row["label"] for row in answer["predictions"]] == wanted
