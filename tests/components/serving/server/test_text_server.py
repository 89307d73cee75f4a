import json
import struct
import unicodedata

import grpc
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
import numpy as np
import pyarrow as pa
import pytest

from components.modeling.predictor import load_predictor
from components.serving.probe.replay import judge_replay
from components.serving.probe.report import probe_report
from tests.components.serving.replays import replayed

MODEL_NAME = "text"
INFER = f"/v2/models/{MODEL_NAME}/infer"
PREDICT = f"/v1/models/{MODEL_NAME}:predict"
ODD = [
    "",
    "영화가 정말 좋았다",
    unicodedata.normalize("NFD", "영화가 정말 좋았다"),
    "🐈‍⬛👍🏽 \U0001f1f0\U0001f1f7",
    "  spaces \t\n and\u00a0lines\r\n",
    "null\u0000byte \u200f\u202e right to left",
    "YWJj",
    "ㅋㅋㅋㅋ!!! 100%",
    "x" * 50_000,
]


def length_prefixed(texts) -> bytes:
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def v2_body(values, **changes) -> bytes:
    tensor = {"name": "text", "datatype": "BYTES", "shape": [len(values)], "data": values, **changes}
    return json.dumps({"inputs": [tensor]}).encode()


@pytest.fixture(scope="module")
def wanted(text_bundle):
    predictor = load_predictor(text_bundle, device="cpu")
    return predictor.predict(predictor.prepare({"text": pa.array(ODD, pa.string())})).probabilities_BK


@pytest.fixture
def server(server_of_many):
    return server_of_many


@pytest.fixture
def stub(server, grpc_stub):
    with grpc_stub(server) as stub:
        yield stub


def served(content: bytes) -> np.ndarray:
    outputs = {output["name"]: output for output in json.loads(content)["outputs"]}
    return np.array(outputs["probabilities"]["data"]).reshape(-1, 3)


def test_v1_answers_odd_texts_with_the_predictors_probabilities(server, send, wanted):
    instances = [text if number % 2 else {"text": text} for number, text in enumerate(ODD)]

    status, content, _ = send(server, PREDICT, json.dumps({"instances": instances}))

    assert status == 200, content
    found = np.array([list(item["probabilities"].values()) for item in json.loads(content)["predictions"]])
    assert np.abs(found - wanted).max() < 1e-6


def test_the_texts_of_the_test_are_told_apart(wanted):
    different = np.abs(wanted[:, None] - wanted[None, :]).max(axis=2) > 1e-4

    # Composed and decomposed Hangul is one text; every other is a text of its own.
    assert [tuple(pair) for pair in np.argwhere(~different) if pair[0] < pair[1]] == [(1, 2)]


@pytest.mark.parametrize("shape", [[len(ODD)], [len(ODD), 1]])
def test_v2_json_holds_texts_as_they_are(server, send, wanted, shape):
    status, content, _ = send(server, INFER, v2_body(ODD, shape=shape))

    assert status == 200, content
    assert np.abs(served(content) - wanted).max() < 1e-6


def test_v2_binary_data_hold_utf8(server, send, wanted):
    raw = length_prefixed([text.encode() for text in ODD])
    tensor = {"name": "text", "datatype": "BYTES", "shape": [len(ODD)], "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [tensor]}).encode()

    status, content, _ = send(
        server,
        INFER,
        head + raw,
        content_type="application/octet-stream",
        Inference_Header_Content_Length=str(len(head)),
    )

    assert status == 200, content
    assert np.abs(served(content) - wanted).max() < 1e-6


def test_grpc_takes_texts_as_contents_and_as_raw_contents(stub, wanted):
    encoded = [text.encode() for text in ODD]
    tensor = pb.ModelInferRequest.InferInputTensor(name="text", datatype="BYTES", shape=[len(ODD)])
    raw = pb.ModelInferRequest(model_name=MODEL_NAME, inputs=[tensor], raw_input_contents=[length_prefixed(encoded)])
    tensor = pb.ModelInferRequest.InferInputTensor(name="text", datatype="BYTES", shape=[len(ODD)])
    tensor.contents.bytes_contents.extend(encoded)
    contents = pb.ModelInferRequest(model_name=MODEL_NAME, inputs=[tensor])

    found = np.frombuffer(stub.ModelInfer(raw).raw_output_contents[0], np.float32).reshape(-1, 3)
    assert np.abs(found - wanted).max() < 1e-6
    found = np.array(stub.ModelInfer(contents).outputs[0].contents.fp32_contents).reshape(-1, 3)
    assert np.abs(found - wanted).max() < 1e-6


def test_a_text_is_answered_alone_as_among_many(server, send, wanted):
    for text, probabilities in zip(ODD, wanted, strict=True):
        status, content, _ = send(server, INFER, v2_body([text]))
        assert status == 200, content
        assert np.abs(served(content) - probabilities).max() < 1e-6

    content = send(server, INFER, v2_body(ODD[:-1] * 128))[1]
    assert np.abs(served(content) - np.tile(wanted[:-1], (128, 1))).max() < 1e-6


def test_metadata_names_the_text(server, send):
    content = send(server, f"/v2/models/{MODEL_NAME}", method="GET")[1]

    assert json.loads(content)["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]


BAD_REQUESTS = {
    "v1: a number": (PREDICT, b'{"instances": ["a", 3]}', "instance 2 must be text"),
    "v1: null": (PREDICT, b'{"instances": [null]}', "instance 1 must be text"),
    "v1: an image": (PREDICT, b'{"instances": [{"image": {"b64": "AA=="}}]}', "an object without 'text'"),
    "v1: half a surrogate pair": (PREDICT, b'{"instances": ["\\ud800"]}', "must be JSON|UTF-8"),
    "v1: no UTF-8": (PREDICT, b'{"instances": ["\xff\xfe"]}', "must be JSON"),
    "v1: too many": (PREDICT, json.dumps({"instances": ["a"] * 1025}), "1 to 1,024 texts, got 1,025"),
    "v1: too long": (PREDICT, json.dumps({"instances": ["a" * 5_000_000]}), "4,194,304 bytes together"),
    "v2: other input": (INFER, v2_body(["a"], name="comment"), "exactly one input, named 'text'"),
    "v2: wrong datatype": (INFER, v2_body([1.5], datatype="FP64"), "must be BYTES"),
    "v2: a number": (INFER, v2_body([1.5]), "text 1 must be a string"),
    "v2: unfilled shape": (INFER, v2_body(["a"], shape=[2]), "2, got 1"),
    "v2: half a surrogate pair": (
        INFER,
        b'{"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["\\ud800"]}]}',
        "UTF-8",
    ),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_request_gets_a_400_with_a_reason_and_the_next_good_one_works(server, send, wanted, case):
    path, body, reason = BAD_REQUESTS[case]

    status, content, _ = send(server, path, body)
    next_status, next_content, _ = send(server, INFER, v2_body(ODD[1:2]))

    told = json.loads(content)["error"]
    assert status == 400, told
    assert any(part in told for part in reason.split("|")), told
    assert "\n" not in told
    assert next_status == 200
    assert np.abs(served(next_content) - wanted[1]).max() < 1e-6


def test_grpc_refuses_bytes_that_are_no_utf8(stub):
    tensor = pb.ModelInferRequest.InferInputTensor(name="text", datatype="BYTES", shape=[1])
    tensor.contents.bytes_contents.append(b"ab\xff")

    with pytest.raises(grpc.RpcError) as refused:
        stub.ModelInfer(pb.ModelInferRequest(model_name=MODEL_NAME, inputs=[tensor]))

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "text 1 must be UTF-8 text, but byte 3 is none" in refused.value.details()


def test_texts_are_replayed_and_malformed_ones_refused(text_bundle, server, tmp_path):
    replay = replayed(text_bundle, server, MODEL_NAME, "text", tmp_path)

    assert judge_replay(replay).passed
    assert replay.metrics()["num_requests"] == 4
    assert replay.metrics()["max_abs_difference"] <= 1e-6
    probe_report(judge_replay(replay), replay.metrics(), replay, log="").write(tmp_path / "report.html")
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    mistakes = ["a number for a text", "bytes that are no UTF-8", "an empty body"]
    assert all(mistake in report for mistake in mistakes)
    assert "private" not in report
