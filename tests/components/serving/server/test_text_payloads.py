import struct
import unicodedata

import pytest

from components.serving.server.request_rows import Tensor
from components.serving.server.text_payloads import (
    MAX_REQUEST_BYTES,
    MAX_TEXTS,
    texts_from_instances,
    texts_from_tensors,
)

ODD = ["", "영화 좋아요 🐈‍⬛", unicodedata.normalize("NFD", "한글"), "a\u0000b\n\u200f", "a" * 5000]


def tensor(**changes) -> Tensor:
    return Tensor(**{"name": "text", "datatype": "BYTES", "shape": (1,), "data": ["a"], **changes})


def length_prefixed(*texts: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def test_v1_instances_are_texts_or_objects_with_one():
    instances = [text if number % 2 else {"text": text} for number, text in enumerate(ODD)]

    assert texts_from_instances({"instances": instances}) == ODD


def test_v2_texts_are_what_json_binary_data_and_grpc_say():
    encoded = [text.encode() for text in ODD]

    for given in (
        tensor(shape=(5,), data=ODD),
        tensor(shape=(5, 1), data=[[text] for text in ODD]),
        tensor(shape=(5,), data=encoded),
        tensor(shape=(5,), data=[], raw=length_prefixed(*encoded)),
    ):
        assert texts_from_tensors([given]) == ODD


def test_a_text_that_looks_like_base64_is_a_text():
    assert texts_from_tensors([tensor(data=["YWJj"])]) == ["YWJj"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"instances": []}, "1 to 1,024 texts, got 0"),
        ({"instances": ["a"] * (MAX_TEXTS + 1)}, "got 1,025"),
        ({"instances": ["a", 3]}, "instance 2 must be text or .*, got a number"),
        ({"instances": [None]}, "instance 1 must be .*, got null"),
        ({"instances": [{"text": None}]}, "instance 1 must be .*, got null"),
        ({"instances": [{"txt": "a"}]}, "instance 1 must be .*, got an object without 'text'"),
        ({"instances": [["a"]]}, "instance 1 must be .*, got a list"),
        ({"instances": ["a", "\udc00"]}, "text 2 must be UTF-8 text"),
        ({"instances": ["새" * 1_000_000] * 2}, "4,194,304 bytes together, got 6,000,000"),
    ],
)
def test_other_v1_payloads_are_refused_with_a_reason(payload, reason):
    with pytest.raises(ValueError, match=reason):
        texts_from_instances(payload)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "comment"}, "exactly one input, named 'text', got .'comment'"),
        ({"datatype": "FP64"}, "must be BYTES, got 'FP64'"),
        ({"shape": (1, 2)}, r"\[N\] or \[N, 1\]"),
        ({"shape": (2,)}, "as many texts as its shape says, 2, got 1"),
        ({"data": [3]}, "text 1 must be a string, got a number"),
        ({"data": [None]}, "text 1 must be a string, got null"),
        ({"data": [b"ab\xff"]}, "text 1 must be UTF-8 text, but byte 3 is none"),
        ({"data": [], "raw": length_prefixed(b"\xed\xa0\x80")}, "text 1 must be UTF-8 text, but byte 1 is none"),
        ({"data": [], "raw": b"\xff\xff\xff\xff"}, "does not fit"),
        ({"data": ["a" * (MAX_REQUEST_BYTES + 1)]}, "bytes together, got 4,194,305"),
    ],
)
def test_other_v2_tensors_are_refused_with_a_reason(changes, reason):
    with pytest.raises(ValueError, match=reason):
        texts_from_tensors([tensor(**changes)])


def test_a_second_input_is_refused():
    with pytest.raises(ValueError, match="exactly one input"):
        texts_from_tensors([tensor(), tensor(name="title")])
