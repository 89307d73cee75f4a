import base64
import json
import struct

import numpy as np
import pytest

from components.serving.collector.logged_bodies import read_answer, read_request

PHOTO = b"\x89PNG and more"
B64 = base64.b64encode(PHOTO).decode()


def v2(*inputs, **more) -> bytes:
    return json.dumps({"inputs": list(inputs), **more}).encode()


@pytest.mark.parametrize("instance", [{"image": {"b64": B64}}, {"b64": B64}, {"image": B64}])
def test_photos_of_v1(instance):
    found = read_request(json.dumps({"instances": [{**instance, "context": {"order": "a"}}]}).encode())
    assert (found.modality, found.features, found.context) == ("image", {"image": [PHOTO]}, {"order": ["a"]})


def test_texts_of_v1():
    body = json.dumps({"instances": ["영화", {"text": "x", "context": {"order": "a"}}]}).encode()
    found = read_request(body)
    assert (found.modality, found.features["text"], found.context["order"]) == ("text", ["영화", "x"], [None, "a"])


def test_a_base64_text_alone_is_a_photo_where_the_model_is_known():
    assert read_request(json.dumps({"instances": [B64]}).encode(), "image").features == {"image": [PHOTO]}


def test_rows_of_v1_are_columns():
    body = json.dumps({"instances": [{"fare": 1.5, "shop": "a"}, {"fare": None, "shop": "b"}]}).encode()
    assert read_request(body).features == {"fare": [1.5, None], "shop": ["a", "b"]}


def test_rows_of_v2_are_columns_and_context_is_apart():
    found = read_request(
        v2(
            {"name": "fare", "datatype": "FP64", "shape": [2, 1], "data": [[1.5], [None]]},
            {"name": "context.order", "datatype": "BYTES", "shape": [2], "data": ["a", "b"]},
            id="r1",
            parameters={"repaired": True},
        )
    )
    assert found.features == {"fare": [1.5, None]}
    assert found.context == {"order": ["a", "b"]}
    assert (found.request_id, found.is_repaired, found.num_rows) == ("r1", True, 2)


def test_binary_tensors_follow_the_json_though_no_header_says_where():
    texts = b"".join(struct.pack("<I", len(text)) + text for text in (PHOTO, "ⓐ{".encode()))
    numbers = np.array([1.5, 2.5], "<f4").tobytes()
    inputs = [
        {"name": "a", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(texts)}},
        {"name": "é", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": len(numbers)}},
    ]
    body = json.dumps({"inputs": inputs}, ensure_ascii=False).encode() + texts + numbers
    found = read_request(body, "tabular")
    assert found.features["é"] == [1.5, 2.5]
    assert found.features["a"][1] == "ⓐ{"


def test_photos_of_v2_in_binary_and_prepared_pixels():
    raw = struct.pack("<I", len(PHOTO)) + PHOTO
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(raw)}}
    assert read_request(v2(tensor) + raw).features == {"image": [PHOTO]}
    pixels = {"name": "image", "datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [1, 2, 3]}
    assert read_request(v2(pixels)).features == {"image": [None]}


def test_answers_of_v1():
    rows = [{"label": "cat", "probabilities": {"cat": 0.75, "dog": 0.25}}]
    found = read_answer(json.dumps({"predictions": rows, "request_id": "r1", "model_version": "v1"}).encode())
    assert (found.labels, found.request_id, found.model_version) == (["cat"], "r1", "v1")
    assert found.probabilities.tolist() == [[0.75, 0.25]]
    assert read_answer(json.dumps({"predictions": [{"prediction": 1.5}]}).encode()).predictions == [1.5]


def test_answers_of_v2_in_binary():
    labels = b"".join(struct.pack("<I", len(text)) + text for text in (b"cat", b"dog"))
    outputs = [
        {"name": "probabilities", "datatype": "FP32", "shape": [2, 2], "data": [0.75, 0.25, 0.5, 0.5]},
        {"name": "label", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(labels)}},
    ]
    body = json.dumps({"outputs": outputs, "id": "r1", "model_version": "v1"}).encode() + labels
    found = read_answer(body)
    assert (found.labels, found.num_rows, found.request_id) == (["cat", "dog"], 2, "r1")
    assert found.probabilities.tolist() == [[0.75, 0.25], [0.5, 0.5]]


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff\xff", b'{"instances": 1}', b'{"inputs": [{"name": 1}]}'])
def test_what_is_no_body_is_a_value_error(body):
    with pytest.raises(ValueError, match=r"must"):
        read_request(body)
    with pytest.raises(ValueError, match=r"must"):
        read_answer(body)
