import base64
from functools import partial
import io
import json
import struct
from threading import Thread
import time
import zlib

import grpc
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
import numpy as np
from PIL import Image
import pyarrow as pa
import pytest

from components.serving.traffic.limits import MAX_BODY_BYTES
from components.shared.contracts.bundle import bundle_version
from components.shared.served_model.child_server import log_end, MODEL_NAME

INFER = f"/v2/models/{MODEL_NAME}/infer"
PREDICT = f"/v1/models/{MODEL_NAME}:predict"


def columns(files) -> dict:
    return {"image": pa.array(files, pa.binary())}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def v2_body(values, *, datatype="BYTES", shape=None, name="image", **more) -> bytes:
    tensor = {"name": name, "datatype": datatype, "shape": list(shape or (len(values),)), "data": values}
    return json.dumps({"inputs": [tensor], **more}).encode()


def length_prefixed(files) -> bytes:
    return b"".join(struct.pack("<I", len(data)) + data for data in files)


def bomb(side_px: int = 10_000) -> bytes:
    """A black and white PNG of so many pixels a side in some 100 KB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(side_px * (side_px // 8 + 1)), 9)
    header = struct.pack(">IIBBBBB", side_px, side_px, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture
def request_server(server, send):
    return partial(send, server)


@pytest.fixture
def stub(server, grpc_stub):
    with grpc_stub(server) as stub:
        yield stub


@pytest.fixture
def wanted(predictor, images):
    return predictor.predict(predictor.prepare(columns(images))).probabilities_BK


def served(content: bytes, num_classes=3) -> np.ndarray:
    outputs = {output["name"]: output for output in json.loads(content)["outputs"]}
    return np.array(outputs["probabilities"]["data"]).reshape(-1, num_classes)


def test_v1_answers_label_and_probabilities_of_the_predictor(request_server, predictor, images, wanted):
    instances = [{"image": {"b64": encoded(images[0])}}, {"b64": encoded(images[1])}, encoded(images[2])]

    status, content, _ = request_server(PREDICT, json.dumps({"instances": instances}))

    predictions = json.loads(content)["predictions"]
    assert status == 200
    assert [list(item["probabilities"]) for item in predictions] == [list(predictor.class_names)] * 3
    found = np.array([list(item["probabilities"].values()) for item in predictions])
    assert np.abs(found - wanted[:3]).max() < 1e-6
    assert [item["label"] for item in predictions] == [predictor.class_names[i] for i in wanted[:3].argmax(axis=1)]


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "application/json; charset=utf-8", None])
def test_json_is_read_whatever_the_content_type_says(request_server, images, content_type):
    v1 = json.dumps({"instances": [encoded(images[0])]})

    assert request_server(PREDICT, v1, content_type=content_type)[0] == 200
    assert request_server(INFER, v2_body([encoded(images[0])]), content_type=content_type)[0] == 200


def test_v2_rest_answers_every_format_with_the_predictors_probabilities(request_server, images, wanted):
    status, content, _ = request_server(INFER, v2_body([encoded(data) for data in images], id="42"))

    answer = json.loads(content)
    assert status == 200
    assert (answer["id"], answer["model_name"]) == ("42", MODEL_NAME)
    assert [(item["name"], item["datatype"], item["shape"]) for item in answer["outputs"]] == [
        ("probabilities", "FP32", [6, 3]),
        ("label", "BYTES", [6]),
    ]
    assert np.abs(served(content) - wanted).max() < 1e-6


def test_v2_answers_carry_the_bundles_version(request_server, bundle, images):
    content = request_server(INFER, v2_body([encoded(images[0])]))[1]

    assert json.loads(content)["model_version"] == bundle_version(bundle)


def test_v2_rest_takes_prepared_pixels(request_server, predictor, images, wanted):
    pixels_NHWC = predictor.prepare(columns(images[:2]))["image"]

    content = request_server(INFER, v2_body(pixels_NHWC.tolist(), datatype="UINT8", shape=(2, 32, 32, 3)))[1]

    assert np.abs(served(content) - wanted[:2]).max() < 1e-6


@pytest.mark.parametrize("kind", ["files", "pixels"])
def test_v2_rest_takes_and_gives_binary_tensors(request_server, predictor, images, wanted, kind):
    if kind == "files":
        tensor, raw = {"datatype": "BYTES", "shape": [2]}, length_prefixed(images[:2])
    else:
        pixels_NHWC = predictor.prepare(columns(images[:2]))["image"]
        tensor, raw = {"datatype": "UINT8", "shape": [2, 32, 32, 3]}, pixels_NHWC.tobytes()
    tensor |= {"name": "image", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()

    status, content, headers = request_server(
        INFER, head + raw, content_type="application/octet-stream", Inference_Header_Content_Length=str(len(head))
    )

    assert status == 200
    json_length = int(headers["Inference-Header-Content-Length"])
    outputs = json.loads(content[:json_length])["outputs"]
    num_bytes = outputs[0]["parameters"]["binary_data_size"]
    found = np.frombuffer(content[json_length : json_length + num_bytes], np.float32).reshape(2, 3)
    assert np.abs(found - wanted[:2]).max() < 1e-6


def test_v2_gives_only_the_outputs_that_are_asked_for(request_server, images):
    status, content, _ = request_server(INFER, v2_body([encoded(images[0])], outputs=[{"name": "label"}]))

    assert status == 200
    assert [output["name"] for output in json.loads(content)["outputs"]] == ["label"]


def test_metadata_names_inputs_and_outputs(request_server):
    status, content, _ = request_server(f"/v2/models/{MODEL_NAME}", method="GET")

    answer = json.loads(content)
    assert status == 200
    assert answer["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
    assert answer["outputs"] == [
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
    ]


def test_grpc_takes_files_as_contents_and_as_raw_contents(stub, images, wanted):
    tensor = pb.ModelInferRequest.InferInputTensor(name="image", datatype="BYTES", shape=[2])
    raw = pb.ModelInferRequest(model_name=MODEL_NAME, inputs=[tensor], raw_input_contents=[length_prefixed(images[:2])])
    tensor = pb.ModelInferRequest.InferInputTensor(name="image", datatype="BYTES", shape=[2])
    tensor.contents.bytes_contents.extend(images[:2])
    contents = pb.ModelInferRequest(model_name=MODEL_NAME, inputs=[tensor])

    from_raw = stub.ModelInfer(raw)
    from_contents = stub.ModelInfer(contents)

    found = np.frombuffer(from_raw.raw_output_contents[0], np.float32).reshape(2, 3)
    assert np.abs(found - wanted[:2]).max() < 1e-6
    found = np.array(from_contents.outputs[0].contents.fp32_contents).reshape(2, 3)
    assert np.abs(found - wanted[:2]).max() < 1e-6
    assert len(from_contents.outputs[1].contents.bytes_contents) == 2


def test_grpc_takes_prepared_pixels(stub, predictor, images, wanted):
    pixels_NHWC = predictor.prepare(columns(images[:2]))["image"]
    tensor = pb.ModelInferRequest.InferInputTensor(name="image", datatype="UINT8", shape=pixels_NHWC.shape)
    tensor.contents.uint_contents.extend(pixels_NHWC.ravel().tolist())

    answer = stub.ModelInfer(pb.ModelInferRequest(model_name=MODEL_NAME, inputs=[tensor]))

    found = np.array(answer.outputs[0].contents.fp32_contents).reshape(2, 3)
    assert np.abs(found - wanted[:2]).max() < 1e-6


def test_grpc_gives_metadata_and_readiness(stub):
    assert stub.ModelReady(pb.ModelReadyRequest(name=MODEL_NAME)).ready
    metadata = stub.ModelMetadata(pb.ModelMetadataRequest(name=MODEL_NAME))
    assert [(item.name, item.datatype) for item in metadata.outputs] == [("probabilities", "FP32"), ("label", "BYTES")]


BAD_REQUESTS = {
    "v1: empty body": (PREDICT, b"", "must have a body"),
    "v1: broken JSON": (PREDICT, b'{"instances": [', "must be JSON"),
    "v1: no object": (PREDICT, b"[1]", "JSON object"),
    "v1: a text file": (PREDICT, json.dumps({"instances": [encoded(b"hello, world")]}), "no image of a known format"),
    "v1: an empty file": (PREDICT, b'{"instances": [""]}', "the file is empty"),
    "v1: bad base64": (PREDICT, b'{"instances": ["%%%"]}', "must be base64"),
    "v1: no list": (PREDICT, b'{"instances": {}}', "list"),
    "v1: too many": (PREDICT, json.dumps({"instances": ["AA=="] * 257}), "1 to 256 images, got 257"),
    "v2: empty body": (INFER, b"", "must have a body"),
    "v2: broken JSON": (INFER, b"{", "must be JSON"),
    "v2: no object": (INFER, b"[1]", "Open Inference Protocol"),
    "v2: no inputs": (INFER, b"{}", "inputs: Field required"),
    "v2: missing input": (INFER, b'{"inputs": []}', "exactly one input"),
    "v2: other input": (INFER, v2_body(["AA=="], name="picture"), "exactly one input"),
    "v2: a text file": (INFER, v2_body([encoded(b"hello, world")]), "image 1 of 1 cannot be used"),
    "v2: a bomb": (INFER, v2_body([encoded(bomb())]), "10000 x 10000 pixels, more than the"),
    "v2: many large images": (
        INFER,
        v2_body([encoded(bomb(7_000))] * 5),
        "200,000,000 pixels together, got 245,000,000",
    ),
    "v2: bad base64": (INFER, v2_body(["a"]), "must be base64"),
    "v2: wrong datatype": (INFER, v2_body([0.5], datatype="FP32"), "must be BYTES"),
    "v2: half floats": (INFER, v2_body([0.5], datatype="FP16"), "FP16"),
    "v2: wrong shape": (INFER, v2_body([0] * 12, datatype="UINT8", shape=(1, 2, 2, 3)), r"[N, 32, 32, 3]"),
    "v2: unfilled shape": (INFER, v2_body([0] * 12, datatype="UINT8", shape=(1, 32, 32, 3)), "3,072, got 12"),
    "v2: too many": (INFER, v2_body(["AA=="] * 257), "1 to 256 images, got 257"),
    "v2: unknown output": (INFER, v2_body(["AA=="], outputs=[{"name": "logits"}]), "outputs must be"),
    "v2: nested too deep": (INFER, b'{"inputs": ' + b"[" * 50_000, "JSON|pars"),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_request_gets_a_400_with_a_reason_and_the_next_good_one_works(request_server, images, wanted, case):
    path, body, reason = BAD_REQUESTS[case]

    status, content, _ = request_server(path, body)
    next_status, next_content, _ = request_server(INFER, v2_body([encoded(images[0])]))

    told = json.loads(content)["error"]
    assert status == 400, told
    assert any(part in told for part in reason.split("|")), told
    assert "\n" not in told
    assert next_status == 200
    assert np.abs(served(next_content) - wanted[:1]).max() < 1e-6


@pytest.mark.parametrize(
    ("parameters", "json_length", "reason"),
    [
        ({"binary_data_size": 10**9}, None, "must fit the body"),
        ({"binary_data_size": -1}, None, "whole number"),
        ({"binary_data_size": "4"}, None, "whole number"),
        ({"binary_data_size": 2}, None, "bytes are left"),
        ({}, None, "bytes are left"),
        ({"binary_data_size": 4}, "many", "Inference-Header-Content-Length"),
        ({"binary_data_size": 4}, "99999", "Inference-Header-Content-Length"),
        ({"binary_data_size": 4}, "3", "must be JSON"),
        ({"binary_data_size": 4}, None, "the file is empty"),
    ],
)
def test_broken_binary_requests_get_a_400(request_server, parameters, json_length, reason):
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "parameters": parameters}
    head = json.dumps({"inputs": [tensor]}).encode()

    status, content, _ = request_server(
        INFER,
        head + bytes(4),
        content_type="application/octet-stream",
        Inference_Header_Content_Length=json_length or str(len(head)),
    )

    assert status == 400
    assert reason in json.loads(content)["error"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_gets_a_413(request_server, chunked):
    size = MAX_BODY_BYTES + 1
    chunks = (bytes(1 << 20) for _ in range(size // (1 << 20) + 1))

    status, content, _ = request_server(INFER, chunks if chunked else bytes(size))

    assert status == 413
    assert "at most 67,108,864 bytes" in json.loads(content)["error"]


def test_another_model_is_not_found(request_server, images):
    assert request_server("/v2/models/other/infer", v2_body([encoded(images[0])]))[0] == 404
    assert request_server("/v1/models/other:predict", b"{}")[0] == 404


def test_nobody_can_unload_the_model_over_the_network(request_server, stub, images):
    status, content, _ = request_server(f"/v2/repository/models/{MODEL_NAME}/unload", b"")
    with pytest.raises(grpc.RpcError) as refused:
        stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name=MODEL_NAME))

    assert status == 400
    assert "one bundle" in json.loads(content)["error"]
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert request_server(INFER, v2_body([encoded(images[0])]))[0] == 200


@pytest.mark.parametrize(
    ("tensor", "contents", "reason"),
    [
        ({"datatype": "BYTES", "shape": [1]}, b"hello", "no image of a known format"),
        ({"datatype": "BYTES", "shape": [1]}, bomb(), "10000 x 10000 pixels"),
        ({"datatype": "BYTES", "shape": [2]}, b"hello", "2, got 1"),
        ({"datatype": "FP32", "shape": [1]}, b"hello", "must be BYTES"),
        ({"datatype": "WORDS", "shape": [1]}, b"hello", "invalid content type"),
        ({"datatype": "BYTES", "shape": [1], "name": "picture"}, b"hello", "exactly one input"),
    ],
)
def test_grpc_answers_invalid_argument_with_a_reason(stub, images, tensor, contents, reason):
    bad = pb.ModelInferRequest.InferInputTensor(**{"name": "image", **tensor})
    bad.contents.bytes_contents.append(contents)
    good = pb.ModelInferRequest.InferInputTensor(name="image", datatype="BYTES", shape=[1])
    good.contents.bytes_contents.append(images[0])

    with pytest.raises(grpc.RpcError) as refused:
        stub.ModelInfer(pb.ModelInferRequest(model_name=MODEL_NAME, inputs=[bad]))
    answer = stub.ModelInfer(pb.ModelInferRequest(model_name=MODEL_NAME, inputs=[good]))

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason in refused.value.details()
    assert len(answer.outputs) == 2


def test_grpc_refuses_raw_contents_that_do_not_fit(stub):
    tensor = pb.ModelInferRequest.InferInputTensor(name="image", datatype="BYTES", shape=[1])

    with pytest.raises(grpc.RpcError) as refused:
        stub.ModelInfer(
            pb.ModelInferRequest(model_name=MODEL_NAME, inputs=[tensor], raw_input_contents=[b"\xff\xff\xff\xff"])
        )

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "does not fit" in refused.value.details()


def test_health_is_answered_while_a_prediction_runs(request_server):
    buffer = io.BytesIO()
    Image.new("L", (5000, 5000)).save(buffer, format="PNG")
    body = v2_body([encoded(buffer.getvalue())] * 4)
    finished = []

    def predict():
        finished.append((request_server(INFER, body)[0], time.perf_counter()))

    worker = Thread(target=predict)
    worker.start()
    answered = []
    while worker.is_alive():
        assert request_server("/v2/health/live", method="GET")[0] == 200
        answered.append(time.perf_counter())
    worker.join()

    assert finished[0][0] == 200
    assert sum(moment < finished[0][1] for moment in answered) >= 2


def test_the_log_has_one_line_a_refusal_and_no_traceback(server, request_server):
    request_server(PREDICT, b'{"instances": ["%%%"]}')

    lines = log_end(server.log).splitlines()
    assert any(line.startswith("WARNING kserve: refused: image 1 must be base64") for line in lines)
    assert not any("Traceback" in line or "Deprecat" in line for line in lines)
    assert server.log.read_text().count("serving probe from") == 1


def test_the_log_quotes_no_value_of_a_request(server, request_server):
    request_server(PREDICT, b'{"instances": ["%%%"], "a@b.io": "010-1234-5678"}')
    request_server(INFER, b'{"inputs": [{"name": "kim@b.io", "datatype": "010-1234-5678", "shape": ["secret-x"]}]}')
    log = server.log.read_text()
    assert not any(planted in log for planted in ("@b.io", "010-1234", "secret-x", "%%%"))
