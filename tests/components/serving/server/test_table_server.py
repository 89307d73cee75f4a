import json
import struct

import grpc
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
import numpy as np
import pyarrow as pa
import pytest

from components.modeling.predictor import load_predictor
from components.serving.probe.replay import judge_replay
from components.serving.probe.report import probe_report
from tests.components.serving.replays import replayed

MODEL_NAME = "table"
INFER = f"/v2/models/{MODEL_NAME}/infer"
PREDICT = f"/v1/models/{MODEL_NAME}:predict"
TYPES = {"fare": pa.float64(), "hour": pa.int64(), "payment_type": pa.string(), "회사": pa.string()}
ODD = [
    {"fare": 12.5, "hour": 7, "payment_type": "Cash", "회사": "택시"},
    {"fare": 12, "hour": 23, "payment_type": "Card", "회사": None},
    {"fare": None, "hour": None, "payment_type": None, "회사": None},
    {"fare": -1e300, "hour": -(2**62), "payment_type": "never seen 🐈", "회사": ""},
    {"fare": 1e-300, "hour": 2**53 + 1, "payment_type": "cash", "회사": "x" * 10_000},
    {"fare": 0.0, "hour": 0, "payment_type": "\u0000", "회사": " 택시"},
]


def column(name: str) -> list:
    return [row[name] for row in ODD]


def v2_body(rows=ODD, **changes) -> bytes:
    datatypes = {"fare": "FP64", "hour": "INT64", "payment_type": "BYTES", "회사": "BYTES"}
    tensors = {
        name: {"name": name, "datatype": datatype, "shape": [len(rows)], "data": [row[name] for row in rows]}
        for name, datatype in datatypes.items()
    }
    return json.dumps({"inputs": [{**tensor, **changes.get(name, {})} for name, tensor in tensors.items()]}).encode()


@pytest.fixture(scope="module")
def wanted(table_bundle):
    predictor = load_predictor(table_bundle, device="cpu")
    texts = {"회사": [value or None for value in column("회사")]}
    columns = {name: pa.array(texts.get(name, column(name)), kind) for name, kind in TYPES.items()}
    return predictor.predict(predictor.prepare(columns)).probabilities_BK


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


def test_v1_answers_odd_rows_with_the_predictors_probabilities(server, send, wanted):
    status, content, _ = send(server, PREDICT, json.dumps({"instances": ODD}))

    assert status == 200, content
    found = np.array([list(item["probabilities"].values()) for item in json.loads(content)["predictions"]])
    assert np.abs(found - wanted).max() < 1e-6


def test_the_rows_of_the_test_are_told_apart(wanted):
    different = np.abs(wanted[:, None] - wanted[None, :]).max(axis=2) > 1e-4

    assert different.sum() == len(ODD) * (len(ODD) - 1)


def test_v2_json_may_have_null_or_nan_for_a_missing_value(server, send, wanted):
    with_nan = [float("nan") if value is None else value for value in column("fare")]
    for body in (v2_body(), v2_body(fare={"data": with_nan}), v2_body(fare={"shape": [len(ODD), 1]})):
        status, content, _ = send(server, INFER, body)

        assert status == 200, content
        assert np.abs(served(content) - wanted).max() < 1e-6


def as_raw(name: str) -> tuple[str, bytes]:
    if TYPES[name] == pa.string():
        encoded = [(value or "").encode() for value in column(name)]
        return "BYTES", b"".join(struct.pack("<I", len(value)) + value for value in encoded)
    # Numbers of both columns as FP64, which has NaN for those that are missing.
    return "FP64", np.array([np.nan if value is None else value for value in column(name)], np.float64).tobytes()


def test_v2_binary_data_and_grpc_say_missing_with_nan_and_the_empty_text(server, send, stub, wanted):
    raws = {name: as_raw(name) for name in TYPES}
    tensors = [
        {"name": name, "datatype": datatype, "shape": [len(ODD)], "parameters": {"binary_data_size": len(raw)}}
        for name, (datatype, raw) in raws.items()
    ]
    head = json.dumps({"inputs": tensors}).encode()

    status, content, _ = send(
        server,
        INFER,
        head + b"".join(raw for _, raw in raws.values()),
        content_type="application/octet-stream",
        Inference_Header_Content_Length=str(len(head)),
    )
    answer = stub.ModelInfer(
        pb.ModelInferRequest(
            model_name=MODEL_NAME,
            inputs=[
                pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=[len(ODD)])
                for name, (datatype, _) in raws.items()
            ],
            raw_input_contents=[raw for _, raw in raws.values()],
        )
    )

    assert status == 200, content
    assert np.abs(served(content) - wanted).max() < 1e-6
    found = np.frombuffer(answer.raw_output_contents[0], np.float32).reshape(-1, 3)
    assert np.abs(found - wanted).max() < 1e-6


def test_grpc_takes_values_as_contents(stub, wanted):
    tensors = [
        pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=[1, 1])
        for name, datatype in zip(TYPES, ("FP32", "INT32", "BYTES", "BYTES"), strict=True)
    ]
    tensors[0].contents.fp32_contents.append(12.5)
    tensors[1].contents.int_contents.append(7)
    tensors[2].contents.bytes_contents.append(b"Cash")
    tensors[3].contents.bytes_contents.append("택시".encode())

    answer = stub.ModelInfer(pb.ModelInferRequest(model_name=MODEL_NAME, inputs=tensors))

    assert np.abs(np.array(answer.outputs[0].contents.fp32_contents) - wanted[0]).max() < 1e-6


def test_a_row_is_answered_alone_as_among_many(server, send, wanted):
    for row, probabilities in zip(ODD, wanted, strict=True):
        status, content, _ = send(server, INFER, v2_body([row]))
        assert status == 200, content
        assert np.abs(served(content) - probabilities).max() < 1e-6

    content = send(server, INFER, v2_body(ODD * 200))[1]
    assert np.abs(served(content) - np.tile(wanted, (200, 1))).max() < 1e-6


def test_metadata_names_every_column_in_a_type_that_can_say_missing(server, send):
    content = send(server, f"/v2/models/{MODEL_NAME}", method="GET")[1]

    assert json.loads(content)["inputs"] == [
        {"name": "fare", "datatype": "FP64", "shape": [-1]},
        {"name": "hour", "datatype": "FP64", "shape": [-1]},
        {"name": "payment_type", "datatype": "BYTES", "shape": [-1]},
        {"name": "회사", "datatype": "BYTES", "shape": [-1]},
    ]


def test_blanks_at_the_ends_of_texts_make_no_difference_over_any_protocol(server, send, stub, wanted):
    spaced = [
        {**row, **{name: value and f" {value}\u3000" for name, value in row.items() if isinstance(value, str)}}
        for row in ODD
    ]
    status, content, _ = send(server, PREDICT, json.dumps({"instances": spaced}))
    found = np.array([list(item["probabilities"].values()) for item in json.loads(content)["predictions"]])
    assert status == 200, content
    assert np.abs(found - wanted).max() < 1e-6

    status, content, _ = send(server, INFER, v2_body(spaced))
    assert status == 200, content
    assert np.abs(served(content) - wanted).max() < 1e-6


def v1_body(**changes) -> bytes:
    return json.dumps({"instances": [ODD[0], {**ODD[0], **changes}]}).encode()


BAD_REQUESTS = {
    "v1: a misspelt column": (PREDICT, v1_body(paymnt_type="Cash"), "is 'payment_type' meant?"),
    "v1: no columns": (PREDICT, b'{"instances": [{}]}', "lacks 'fare' and 3 others"),
    "v1: a list": (PREDICT, b'{"instances": [[1, 2]]}', "instance 1 must be an object"),
    "v1: text for a number": (PREDICT, v1_body(fare="12.5"), "column 'fare' of instance 2 must be a number or null"),
    "v1: a number for a text": (PREDICT, v1_body(회사=3), "column '회사' of instance 2 must be text or null"),
    "v1: NaN": (PREDICT, v1_body(fare=float("nan")), "must be JSON"),
    "v2: a column left out": (INFER, json.dumps({"inputs": json.loads(v2_body())["inputs"][1:]}), "lacks 'fare'"),
    "v2: an unknown column": (INFER, v2_body(fare={"name": "fair"}), "is 'fare' meant?"),
    "v2: text for a number": (INFER, v2_body(fare={"datatype": "BYTES"}), "datatype of input 'fare' must be one of"),
    "v2: values of another type": (INFER, v2_body(fare={"data": ["1"] * 6}), "must be a number for FP64, got text"),
    "v2: several N": (INFER, v2_body(fare={"shape": [1], "data": [1.5]}), "one N, got 1 in 'fare' and 6 in 'hour'"),
    "v2: unfilled shape": (INFER, v2_body(fare={"data": [1.5]}), "6, got 1"),
    "v2: a matrix": (INFER, v2_body(fare={"shape": [3, 2]}), "[N] or [N, 1], got [3, 2]"),
    "v2: a number of 400 digits": (INFER, v2_body(fare={"data": [10**400] * 6}), "must fit into 64 bits|must be"),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_request_gets_a_400_with_a_reason_and_the_next_good_one_works(server, send, wanted, case):
    path, body, reason = BAD_REQUESTS[case]

    status, content, _ = send(server, path, body)
    next_status, next_content, _ = send(server, INFER, v2_body())

    told = json.loads(content)["error"]
    assert status == 400, told
    assert any(part in told for part in reason.split("|")), told
    assert "\n" not in told
    assert next_status == 200
    assert np.abs(served(next_content) - wanted).max() < 1e-6


def test_grpc_refuses_a_missing_column_with_a_reason(stub):
    tensor = pb.ModelInferRequest.InferInputTensor(name="fare", datatype="FP64", shape=[1])
    tensor.contents.fp64_contents.append(1.5)

    with pytest.raises(grpc.RpcError) as refused:
        stub.ModelInfer(pb.ModelInferRequest(model_name=MODEL_NAME, inputs=[tensor]))

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "lacks 'hour' and 2 others" in refused.value.details()


def test_rows_are_replayed_and_malformed_ones_refused(table_bundle, server, tmp_path):
    replay = replayed(table_bundle, server, MODEL_NAME, "tabular", tmp_path)

    assert judge_replay(replay).passed
    assert replay.metrics()["num_requests"] == 4
    assert replay.metrics()["max_abs_difference"] <= 1e-6
    probe_report(judge_replay(replay), replay.metrics(), replay, log="").write(tmp_path / "report.html")
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    mistakes = ["a number for a text", "a column that is left out", "a column that the model does not know"]
    assert all(mistake in report for mistake in mistakes)
    assert "private" not in report
