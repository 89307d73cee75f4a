"""What clients send, checked and turned into images: V1 instances and V2 tensors.

An image arrives as encoded bytes (a JPEG or PNG file; base64 inside JSON) or as prepared pixels. Whatever is wrong
with it is said in one sentence, which the server hands back as a 400.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import struct
from typing import Any

import numpy as np

INPUT_NAME = "image"
MAX_IMAGES = 256
_LENGTH_PREFIX_BYTES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """One input of a V2 request, REST or gRPC.

    Attributes
    ----------
    name
        The input's name.
    datatype
        `BYTES` for encoded images, `UINT8` for prepared pixels.
    shape
        As the client says it.
    data
        Values from JSON (strings are base64) or from gRPC contents (bytes are the files themselves); may be nested.
    raw
        Binary data: length-prefixed byte strings for `BYTES`, pixels for `UINT8`; None where `data` holds the values.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Sequence[Any]
    raw: bytes | None = None


def images_from_instances(payload: Any) -> list[bytes]:
    """Encoded images of a V1 request.

    Parameters
    ----------
    payload
        `{"instances": [...]}`; an instance is `{"image": {"b64": text}}`, `{"b64": text}` or the base64 text itself.

    Returns
    -------
    list of bytes
        1 to `MAX_IMAGES` image files, not yet decoded.

    Raises
    ------
    ValueError
        If the payload has another form, or its text is no base64.
    """
    if not isinstance(payload, Mapping) or "instances" not in payload:
        raise ValueError('the request must be a JSON object with "instances"')
    instances = payload["instances"]
    if not isinstance(instances, list):
        raise ValueError('"instances" must be a list')
    _check_count(len(instances))
    return [_from_instance(instance, number) for number, instance in enumerate(instances, start=1)]


def images_from_tensors(tensors: Sequence[Tensor], *, image_size: int) -> list[bytes] | np.ndarray:
    """Encoded images or prepared pixels of a V2 request.

    Parameters
    ----------
    tensors
        The request's inputs: exactly one, named `image`.
    image_size
        S, the side of the square that the model sees, pixels.

    Returns
    -------
    list of bytes or np.ndarray
        1 to `MAX_IMAGES` image files, not yet decoded; or pixels of the shape (N, S, S, 3), uint8.

    Raises
    ------
    ValueError
        If inputs, datatype, shape or values are not those.
    """
    names = [tensor.name for tensor in tensors]
    if names != [INPUT_NAME]:
        raise ValueError(f"the request must have exactly one input, named {INPUT_NAME!r}, got {names[:10]}")
    tensor = tensors[0]
    if tensor.datatype == "BYTES":
        return _encoded_images(tensor)
    if tensor.datatype == "UINT8":
        return _pixels(tensor, image_size)
    raise ValueError(
        f"the datatype of input {INPUT_NAME!r} must be BYTES (encoded images) or UINT8 (prepared pixels), "
        f"got {tensor.datatype[:20]!r}"
    )


def byte_strings(raw: bytes, *, at_most: int) -> list[bytes]:
    """Byte strings of the binary tensor extension: each after its length in 4 bytes, little-endian.

    Parameters
    ----------
    raw
        The tensor's bytes.
    at_most
        How many to accept.

    Raises
    ------
    ValueError
        If the lengths do not fit the data, or there are more.
    """
    found: list[bytes] = []
    offset = 0
    while offset < len(raw):
        end = offset + _LENGTH_PREFIX_BYTES
        length = struct.unpack_from("<I", raw, offset)[0] if end <= len(raw) else len(raw)
        if end + length > len(raw):
            raise ValueError(f"binary BYTES data must be length-prefixed, but string {len(found) + 1} does not fit")
        if len(found) == at_most:
            raise ValueError(f"binary BYTES data must hold as many strings as the shape says, {at_most}, got more")
        found.append(raw[end : end + length])
        offset = end + length
    return found


def _check_count(count: int) -> None:
    if not 1 <= count <= MAX_IMAGES:
        raise ValueError(f"a request must hold 1 to {MAX_IMAGES} images, got {count}")


def _from_instance(instance: Any, number: int) -> bytes:
    content = instance.get(INPUT_NAME, instance) if isinstance(instance, Mapping) else instance
    text = content.get("b64") if isinstance(content, Mapping) else content
    if not isinstance(text, str):
        raise ValueError(
            f'instance {number} must be {{"image": {{"b64": "..."}}}}, {{"b64": "..."}} or base64 text, '
            f"got {type(instance).__name__}"
        )
    return _decoded(text, number)


def _decoded(text: str, number: int) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise ValueError(f"image {number} must be base64: {error}") from error


def _encoded_images(tensor: Tensor) -> list[bytes]:
    if len(tensor.shape) not in (1, 2) or tensor.shape[1:] not in ((), (1,)):
        raise ValueError(f"the shape of BYTES input {INPUT_NAME!r} must be [N] or [N, 1], got {_shown(tensor.shape)}")
    count = tensor.shape[0]
    _check_count(count)
    values = _flat(tensor.data) if tensor.raw is None else byte_strings(tensor.raw, at_most=count)
    if len(values) != count:
        raise ValueError(f"input {INPUT_NAME!r} must hold as many images as its shape says, {count}, got {len(values)}")
    return [_from_value(value, number) for number, value in enumerate(values, start=1)]


def _from_value(value: Any, number: int) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return _decoded(value, number)
    raise ValueError(f"image {number} must be base64 text, got {type(value).__name__}")


def _pixels(tensor: Tensor, image_size: int) -> np.ndarray:
    wanted = (image_size, image_size, 3)
    if len(tensor.shape) != 4 or tensor.shape[1:] != wanted:
        raise ValueError(
            f"the shape of UINT8 input {INPUT_NAME!r} must be [N, {image_size}, {image_size}, 3], "
            f"got {_shown(tensor.shape)}"
        )
    _check_count(tensor.shape[0])
    num_values = tensor.shape[0] * image_size * image_size * 3
    values = _flat(tensor.data) if tensor.raw is None else tensor.raw
    if len(values) != num_values:
        raise ValueError(
            f"input {INPUT_NAME!r} must hold as many values as its shape says, {num_values:,}, got {len(values):,}"
        )
    if isinstance(values, list) and not all(type(value) is int and 0 <= value <= 255 for value in values):
        raise ValueError(f"the values of UINT8 input {INPUT_NAME!r} must be whole numbers from 0 to 255")
    return np.frombuffer(bytes(values), np.uint8).reshape(tensor.shape)


def _flat(data: Sequence[Any]) -> list[Any]:
    # As objects: numbers among long strings would otherwise be widened to strings of that length each.
    try:
        return np.array(data, dtype=object).ravel().tolist()
    except ValueError as error:
        raise ValueError(f"the data of input {INPUT_NAME!r} must be a list or lists of one length") from error


def _shown(shape: Sequence[int]) -> str:
    return f"[{', '.join(map(str, shape[:8]))}]"
