import base64
import struct

import numpy as np
import pytest

from components.serving.server.image_payloads import images_from_instances, images_from_tensors, MAX_IMAGES
from components.serving.server.request_rows import Tensor

TEXT = base64.b64encode(b"abc").decode()


def tensor(**changes) -> Tensor:
    return Tensor(**{"name": "image", "datatype": "BYTES", "shape": (1,), "data": [TEXT], **changes})


def test_v1_instances_are_read_in_their_three_forms():
    payload = {"instances": [{"image": {"b64": TEXT}}, {"b64": TEXT}, TEXT]}

    assert images_from_instances(payload) == [b"abc"] * 3


def test_base64_may_be_wrapped_in_lines():
    wrapped = base64.encodebytes(bytes(range(200))).decode()

    assert "\n" in wrapped[:-1]
    assert images_from_instances({"instances": [wrapped]}) == [bytes(range(200))]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ([], "JSON object"),
        ({"inputs": []}, "JSON object"),
        ({"instances": "abc"}, "must be a list"),
        ({"instances": []}, "1 to 256 images, got 0"),
        ({"instances": [TEXT] * (MAX_IMAGES + 1)}, "got 257"),
        ({"instances": [TEXT, 3]}, "instance 2 must be"),
        ({"instances": [{"image": {"url": "x"}}]}, "instance 1 must be"),
        ({"instances": [TEXT, "a"]}, "image 2 must be base64"),
        ({"instances": ["äöü"]}, "image 1 must be base64"),
    ],
)
def test_other_v1_payloads_are_refused_with_a_reason(payload, reason):
    with pytest.raises(ValueError, match=reason):
        images_from_instances(payload)


def test_bytes_tensors_hold_base64_text_in_json_and_files_elsewhere():
    raw = b"".join(struct.pack("<I", len(data)) + data for data in (b"abc", b"\xff\x00"))

    assert images_from_tensors([tensor()], image_size=8) == [b"abc"]
    assert images_from_tensors([tensor(shape=(2, 1), data=[[TEXT], [TEXT]])], image_size=8) == [b"abc", b"abc"]
    assert images_from_tensors([tensor(data=[b"abc"])], image_size=8) == [b"abc"]
    assert images_from_tensors([tensor(shape=(2,), data=[], raw=raw)], image_size=8) == [b"abc", b"\xff\x00"]


def test_uint8_tensors_are_pixels_from_lists_and_from_binary():
    pixels_NHWC = np.arange(2 * 8 * 8 * 3, dtype=np.uint32).reshape(2, 8, 8, 3) % 256
    pixels_NHWC = pixels_NHWC.astype(np.uint8)
    shape = pixels_NHWC.shape
    for given in (
        tensor(datatype="UINT8", shape=shape, data=pixels_NHWC.ravel().tolist()),
        tensor(datatype="UINT8", shape=shape, data=pixels_NHWC.tolist()),
        tensor(datatype="UINT8", shape=shape, data=[], raw=pixels_NHWC.tobytes()),
    ):
        found = images_from_tensors([given], image_size=8)
        assert found.dtype == np.uint8
        assert np.array_equal(found, pixels_NHWC)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "picture"}, "exactly one input, named 'image'"),
        ({"datatype": "FP32"}, "must be BYTES"),
        ({"shape": (1, 2)}, r"\[N\] or \[N, 1\]"),
        ({"shape": ()}, r"\[N\] or \[N, 1\]"),
        ({"shape": (0,), "data": []}, "got 0"),
        ({"shape": (-1,)}, "got -1"),
        ({"shape": (2,)}, "as its shape says, 2, got 1"),
        ({"data": [3]}, "image 1 must be base64 text"),
        ({"shape": (2,), "data": [["a"], ["b", "c"]]}, "image 1 must be base64 text|one length"),
        ({"data": [], "raw": b"\xff\xff\xff\xff"}, "does not fit"),
        ({"data": [], "raw": b"\x01"}, "does not fit"),
        ({"data": [], "raw": struct.pack("<I", 0) * 2}, "as the shape says, 1"),
        ({"datatype": "UINT8", "shape": (1, 9, 8, 3)}, r"\[N, 8, 8, 3\]"),
        ({"datatype": "UINT8", "shape": (300, 8, 8, 3)}, "got 300"),
        ({"datatype": "UINT8", "shape": (1, 8, 8, 3), "data": [1]}, "192, got 1"),
        ({"datatype": "UINT8", "shape": (1, 8, 8, 3), "data": [256] * 192}, "0 to 255"),
        ({"datatype": "UINT8", "shape": (1, 8, 8, 3), "data": [0.5] * 192}, "whole numbers"),
        ({"datatype": "UINT8", "shape": (1, 8, 8, 3), "data": [True] * 192}, "whole numbers"),
        ({"datatype": "UINT8", "shape": (1, 8, 8, 3), "data": ["1"] * 192}, "whole numbers"),
        ({"datatype": "UINT8", "shape": (1, 8, 8, 3), "data": [], "raw": b"\0" * 191}, "192, got 191"),
    ],
)
def test_other_v2_tensors_are_refused_with_a_reason(changes, reason):
    with pytest.raises(ValueError, match=reason):
        images_from_tensors([tensor(**changes)], image_size=8)


def test_a_second_input_is_refused():
    with pytest.raises(ValueError, match="exactly one input"):
        images_from_tensors([tensor(), tensor(name="mask")], image_size=8)
