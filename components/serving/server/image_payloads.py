"""Images that clients send: encoded files (base64 inside JSON), or pixels that the client prepared itself.

Shapes: N images, S pixels a side of the square that the model sees.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from components.modeling.features import Features
from components.modeling.images.decoding import num_pixels
from components.serving.server.request_rows import (
    byte_values,
    BYTES,
    check_count,
    check_filled,
    flat_values,
    instances_of,
    ReadRows,
    row_count,
    shown,
    shown_shape,
    single_tensor,
    Tensor,
)
from components.shared.feature_store.blocks import joined_inputs

INPUT_NAME = "image"
MAX_IMAGES = 256
# One request must not hold up the others for long: some seconds of decoding.
MAX_REQUEST_PIXELS = 200_000_000


class ImagePayloads:
    """Reads requests of a model of images."""

    def __init__(self, features: Features) -> None:
        self._features = features
        self._image_size = int(features.input_specs[INPUT_NAME].shape[0] or 0)

    @property
    def input_types(self) -> list[dict[str, Any]]:
        """Inputs for the metadata endpoint; prepared pixels are an alternative to them, not a second input."""
        return [{"name": INPUT_NAME, "datatype": BYTES, "shape": [-1]}]

    def from_instances(self, payload: Any) -> ReadRows:
        """Rows of a V1 request; ValueError says what is wrong with it."""
        return self._prepared(images_from_instances(payload))

    def from_tensors(self, tensors: Sequence[Tensor]) -> ReadRows:
        """Rows of a V2 request; ValueError says what is wrong with it."""
        images = images_from_tensors(tensors, image_size=self._image_size)
        if isinstance(images, np.ndarray):
            return ReadRows(columns={}, inputs={INPUT_NAME: images})
        return self._prepared(images)

    def _prepared(self, encoded: Sequence[bytes]) -> ReadRows:
        if len(encoded) > 1 and (total := sum(map(_num_pixels, encoded))) > MAX_REQUEST_PIXELS:
            raise ValueError(
                f"the images of a request must have at most {MAX_REQUEST_PIXELS:,} pixels together, got {total:,}: "
                "send them in several requests"
            )
        prepared = []
        for number, data in enumerate(encoded, start=1):
            try:
                prepared.append(self._features.prepare({INPUT_NAME: pa.array([data], pa.binary())}))
            except ValueError as error:
                raise ValueError(f"image {number} of {len(encoded)} cannot be used: {error}") from error
        inputs = joined_inputs(prepared, self._features.input_specs)
        return ReadRows(columns={INPUT_NAME: pa.array(encoded, pa.binary())}, inputs=inputs)


def images_from_instances(payload: Any) -> list[bytes]:
    """Encoded images of a V1 request, 1 to `MAX_IMAGES`, not yet decoded.

    An instance is `{"image": {"b64": text}}`, `{"b64": text}` or the base64 text itself.
    """
    instances = instances_of(payload, at_most=MAX_IMAGES, what="images")
    return [_from_instance(instance, number) for number, instance in enumerate(instances, start=1)]


def images_from_tensors(tensors: Sequence[Tensor], *, image_size: int) -> list[bytes] | np.ndarray:
    """Encoded images of a V2 request, not yet decoded, or prepared pixels of the shape (N, S, S, 3), uint8.

    The request has one input, named `image`; its strings from JSON are base64.
    """
    tensor = single_tensor(tensors, INPUT_NAME)
    if tensor.datatype == BYTES:
        count = row_count(tensor, at_most=MAX_IMAGES, what="images")
        values = byte_values(tensor, count, what="images")
        return [_from_value(value, number) for number, value in enumerate(values, start=1)]
    if tensor.datatype == "UINT8":
        return _pixels(tensor, image_size)
    raise ValueError(
        f"the datatype of input {INPUT_NAME!r} must be BYTES (encoded images) or UINT8 (prepared pixels), "
        f"got {shown(tensor.datatype)!r}"
    )


def _from_instance(instance: Any, number: int) -> bytes:
    content = instance.get(INPUT_NAME, instance) if isinstance(instance, Mapping) else instance
    text = content.get("b64") if isinstance(content, Mapping) else content
    if not isinstance(text, str):
        raise ValueError(
            f'instance {number} must be {{"image": {{"b64": "..."}}}}, {{"b64": "..."}} or base64 text, '
            f"got {type(instance).__name__}"
        )
    return _decoded(text, number)


def _from_value(value: Any, number: int) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return _decoded(value, number)
    raise ValueError(f"image {number} must be base64 text, got {type(value).__name__}")


def _decoded(text: str, number: int) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise ValueError(f"image {number} must be base64: {error}") from error


def _pixels(tensor: Tensor, image_size: int) -> np.ndarray:
    wanted = (image_size, image_size, 3)
    if len(tensor.shape) != 4 or tensor.shape[1:] != wanted:
        raise ValueError(
            f"the shape of UINT8 input {INPUT_NAME!r} must be [N, {image_size}, {image_size}, 3], "
            f"got {shown_shape(tensor.shape)}"
        )
    check_count(tensor.shape[0], at_most=MAX_IMAGES, what="images")
    values = flat_values(tensor) if tensor.raw is None else tensor.raw
    check_filled(tensor, len(values), tensor.shape[0] * image_size * image_size * 3, what="values")
    if isinstance(values, list) and not all(type(value) is int and 0 <= value <= 255 for value in values):
        raise ValueError(f"the values of UINT8 input {INPUT_NAME!r} must be whole numbers from 0 to 255")
    return np.frombuffer(bytes(values), np.uint8).reshape(tensor.shape)


def _num_pixels(data: bytes) -> int:
    try:
        return num_pixels(data)
    except ValueError:
        return 0  # refused by name when it is decoded
