"""Requests that hypothesis spoils, over REST and gRPC, to models of images, texts, rows and numbers.

`PLUSZERO_BAD_INPUTS` says how many a model and protocol; the default keeps `make test` short.
"""

import base64
import copy
import http.client
import io
import json
import os

import grpc
from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub
import numpy as np
from PIL import Image
import psutil
import pytest

NUM_EXAMPLES = int(os.environ.get("PLUSZERO_BAD_INPUTS", "40"))
MODELS = ("standard-none", "text", "table", "number")
FEW = settings(
    max_examples=NUM_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=NUM_EXAMPLES < 1000
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(max_size=20)
    | st.sampled_from(["\ud800", "\x00", "=HYPERLINK(1)", "NaN", "BYTES", "FP64", "image", "text", "instances"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
DATATYPES = st.sampled_from(["BYTES", "FP64", "FP32", "INT64", "UINT8", "BOOL", "FP16", "", "bytes", "\x00"])


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((9, 9, 3), 77, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def good(server_of_many) -> dict[str, tuple[dict, dict]]:
    """A V1 and a V2 request a model that are answered, from its metadata."""
    return {name: good_requests(server_of_many.http_port, name) for name in MODELS}


def good_requests(port: int, name: str) -> tuple[dict, dict]:
    inputs = json.loads(asked(port, "GET", f"/v2/models/{name}", None)[1])["inputs"]
    values = {
        given["name"]: base64.b64encode(png()).decode()
        if given["name"] == "image"
        else ("a" if given["datatype"] == "BYTES" else 1.5)
        for given in inputs
    }
    instance = {"b64": values["image"]} if name == "standard-none" else values
    tensors = [
        {"name": key["name"], "datatype": key["datatype"], "shape": [1], "data": [values[key["name"]]]}
        for key in inputs
    ]
    return {"instances": [instance]}, {"inputs": tensors}


def asked(
    port: int, method: str, path: str, body: bytes | None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def spoilt(request: dict, data) -> bytes:
    """The request with one to three values replaced, left out or doubled; or cut off, or no JSON at all."""
    request = copy.deepcopy(request)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(request))))
        if not path:
            request = data.draw(VALUES)
        else:
            place = request
            for key in path[:-1]:
                place = place[key]
            how = data.draw(st.sampled_from(["replace", "leave out", "double"]))
            if how == "replace":
                place[path[-1]] = data.draw(VALUES)
            elif how == "leave out":
                del place[path[-1]]
            elif isinstance(place, list):
                place.append(place[path[-1]])
        if not isinstance(request, dict | list):
            break
    body = json.dumps(request).encode()
    return body[: data.draw(st.integers(0, len(body)))] if data.draw(st.integers(0, 9)) == 0 else body


@pytest.mark.parametrize("protocol", ["v1", "v2"])
@pytest.mark.parametrize("name", MODELS)
@FEW
@given(data=st.data())
def test_a_spoilt_request_over_rest_is_answered_or_told_why_not(server_of_many, good, name, protocol, data):
    body = spoilt(good[name][protocol == "v2"], data)
    path = f"/v1/models/{name}:predict" if protocol == "v1" else f"/v2/models/{name}/infer"
    headers = {}
    if data.draw(st.integers(0, 4)) == 0:
        length = data.draw(st.integers(0, len(body) + 5) | st.text("0123456789-", max_size=4))
        headers["Inference-Header-Content-Length"] = str(length)
        body += data.draw(st.binary(max_size=20))

    status, content = asked(server_of_many.http_port, "POST", path, body, headers)

    assert status in (200, 400, 413), (status, content[:200], body[:300])
    if status != 200:
        assert json.loads(content)["error"]


@pytest.mark.parametrize("name", MODELS)
@FEW
@given(data=st.data())
def test_a_spoilt_request_over_grpc_is_answered_or_told_why_not(server_of_many, good, name, data):
    request = grpc_request(name, good[name][1], data)
    with grpc.insecure_channel(
        f"127.0.0.1:{server_of_many.grpc_port}", options=[("grpc.enable_http_proxy", 0)]
    ) as channel:
        call = GRPCInferenceServiceStub(channel).ModelInfer.future(request, timeout=30)
        code = call.code()

    assert code in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT), (call.details(), str(request)[:300])
    if code is not grpc.StatusCode.OK:
        assert call.details()


def grpc_request(name: str, request: dict, data) -> pb.ModelInferRequest:
    """A request whose tensors may have another name, type, shape or contents."""
    inputs, raws = [], []
    is_raw = data.draw(st.booleans())
    for tensor in request["inputs"]:
        may = {key: data.draw(st.integers(0, 4)) == 0 for key in ("name", "datatype", "shape", "left out")}
        if may["left out"]:
            continue
        made = pb.ModelInferRequest.InferInputTensor(
            name=data.draw(st.text(max_size=8)) if may["name"] else tensor["name"],
            datatype=data.draw(DATATYPES) if may["datatype"] else tensor["datatype"],
            shape=data.draw(st.lists(st.integers(-(2**62), 2**62) | st.integers(0, 3), max_size=5))
            if may["shape"]
            else [1],
        )
        if is_raw:
            raws.append(data.draw(st.binary(max_size=40)))
        elif data.draw(st.booleans()):
            made.contents.bytes_contents.extend(data.draw(st.lists(st.binary(max_size=20), max_size=3)))
        else:
            made.contents.fp64_contents.extend(data.draw(st.lists(st.floats(), max_size=3)))
        inputs.append(made)
    if data.draw(st.integers(0, 4)) == 0:
        raws.append(b"")
    return pb.ModelInferRequest(
        model_name=name, id=data.draw(st.text(max_size=5)), inputs=inputs, raw_input_contents=raws
    )


def test_the_server_still_answers_and_has_not_grown(server_of_many, good):
    """Runs after the others in this file: good requests are answered, by the process that took the bad ones."""
    process = psutil.Process(server_of_many.pid)
    for name in MODELS:
        for path, request in zip((f"/v1/models/{name}:predict", f"/v2/models/{name}/infer"), good[name], strict=True):
            assert asked(server_of_many.http_port, "POST", path, json.dumps(request).encode())[0] == 200
    bad = b'{"inputs": [' + b"1," * 50_000 + b"1]}"
    held = []
    for _ in range(4):
        for _ in range(50):
            asked(server_of_many.http_port, "POST", "/v2/models/text/infer", bad)
        held.append(process.memory_info().rss)
    assert held[-1] < held[0] + (16 << 20)
