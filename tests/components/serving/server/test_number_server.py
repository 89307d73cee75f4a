"""A model that answers a number, served: V1, V2 over REST and gRPC, the probe's replay, and the model card."""

import json

from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
import numpy as np
import pytest

from components.model_analysis.jobs.evaluate_model import evaluate_model
from components.serving.probe.replay import judge_replay, replay_examples
from components.serving.probe.report import probe_report
from components.serving.release.model_card import model_card
from components.shared.contracts.bundle import read_config
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.served_model.held_out_examples import held_out_examples
from components.shared.served_model.inference_client import example_request, InferenceClient

MODEL_NAME = "number"


@pytest.fixture(scope="module")
def predictions(friedman_table, friedman_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictions")
    evaluate_model(
        examples_path=friedman_table,
        model_path=friedman_model,
        target="",
        predictions_path=folder / "predictions",
        **{
            f"{name}_path": folder / f"{name}.json"
            for name in ("evaluation", "report", "verdict", "metrics", "classification_metrics")
        },
        device="cpu",
    )
    return PredictionsTable(folder / "predictions")


@pytest.fixture(scope="module")
def held_out(friedman_table, predictions):
    return held_out_examples(ExampleTable(friedman_table), predictions, at_most=12)


@pytest.fixture
def server(server_of_many):
    return server_of_many


def test_v1_answers_a_number_an_example(server, send, held_out):
    status, content, _ = send(
        server, f"/v1/models/{MODEL_NAME}:predict", json.dumps({"instances": list(held_out.rows)})
    )
    assert status == 200, content
    found = json.loads(content)["predictions"]
    assert all(set(item) == {"prediction"} for item in found)
    np.testing.assert_allclose([item["prediction"] for item in found], held_out.answers_NK[:, 0], rtol=1e-5)


def test_v2_answers_the_output_prediction_over_rest_and_grpc(server, send, grpc_stub, held_out):
    with InferenceClient(server.http_port, model_name=MODEL_NAME) as client:
        datatypes = client.input_datatypes()
        body = example_request(held_out.rows[0], datatypes)
        outputs = client.infer(body).content["outputs"]
    assert [(output["name"], output["datatype"], output["shape"]) for output in outputs] == [
        ("prediction", "FP32", [1])
    ]
    wanted = held_out.answers_NK[0, 0]
    assert outputs[0]["data"][0] == pytest.approx(wanted, rel=1e-5)
    status, content, _ = send(server, f"/v2/models/{MODEL_NAME}", None, method="GET", content_type=None)
    assert status == 200
    assert json.loads(content)["outputs"] == [{"name": "prediction", "datatype": "FP32", "shape": [-1]}]
    inputs = []
    for name, datatype in datatypes.items():
        value = held_out.rows[0][name]
        contents = (
            {"bytes_contents": [value.encode()]}
            if datatype == "BYTES"
            else {"fp64_contents": [float("nan") if value is None else value]}
        )
        inputs.append(
            pb.ModelInferRequest.InferInputTensor(
                name=name, datatype=datatype, shape=[1], contents=pb.InferTensorContents(**contents)
            )
        )
    with grpc_stub(server) as stub:
        response = stub.ModelInfer(pb.ModelInferRequest(model_name=MODEL_NAME, inputs=inputs))
    raw = response.raw_output_contents
    found = np.frombuffer(raw[0], np.float32)[0] if raw else response.outputs[0].contents.fp32_contents[0]
    assert found == pytest.approx(wanted, rel=1e-5)


def test_an_output_of_classes_is_refused(server, send, held_out):
    with InferenceClient(server.http_port, model_name=MODEL_NAME) as client:
        body = json.loads(example_request(held_out.rows[0], client.input_datatypes()).content)
    status, content, _ = send(
        server, f"/v2/models/{MODEL_NAME}/infer", json.dumps({**body, "outputs": [{"name": "probabilities"}]})
    )
    assert status == 400
    assert b"outputs must be different ones of prediction" in content


def test_the_probe_compares_numbers_relative_to_their_size(server, held_out):
    with InferenceClient(server.http_port, model_name=MODEL_NAME) as client:
        replay = replay_examples(client, held_out)
    verdict = judge_replay(replay)
    assert verdict.passed, verdict.reason
    assert "numbers, relative to their size, differ by at most" in verdict.reason
    assert replay.metrics()["max_relative_difference"] <= 1e-5
    report = probe_report(verdict, replay.metrics(), replay, log="").html()
    assert "largest relative difference" in report


def test_another_model_is_found(server, held_out):
    held_out.answers_NK[3] += 50.0
    try:
        with InferenceClient(server.http_port, model_name=MODEL_NAME) as client:
            verdict = judge_replay(replay_examples(client, held_out))
    finally:
        held_out.answers_NK[3] -= 50.0
    assert not verdict.passed
    assert held_out.example_ids[3] in verdict.reason
    assert verdict.findings[0].statistic == "largest relative difference of a number"


def test_the_card_tells_what_a_number_is(friedman_model):
    card = model_card(model_name="friedman", config=read_config(friedman_model), evaluation={"metrics": {"rmse": 1.5}})
    assert "Tabular regression: it answers a number. The training labels had mean 1.4" in card
    assert "a number in the label's unit" in card
    assert "classes" not in card
