"""The two forms of a request, whatever its modality: V1 instances, and V2 tensors of N rows.

What is wrong with one is a ValueError of one sentence, which the server hands back as a 400.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import struct
from typing import Any

import numpy as np
import pyarrow as pa

BYTES = "BYTES"
_LENGTH_PREFIX_BYTES = 4
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """One input of a V2 request, REST or gRPC.

    `data` holds values from JSON or gRPC contents, perhaps nested. Where `raw` is not None it holds them instead:
    length-prefixed byte strings for `BYTES`, little-endian numbers for other datatypes.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Sequence[Any]
    raw: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadRows:
    """N rows of a request, checked and prepared.

    `columns`: what the client sent, by the names of the example table and after the repairs; empty where the rows were
    prepared already. `inputs`: the predictor's.
    """

    columns: Mapping[str, pa.Array]
    inputs: Mapping[str, np.ndarray]


def instances_of(payload: Any, *, at_most: int, what: str) -> list[Any]:
    """Instances of the V1 request `{"instances": [...]}`, 1 to `at_most`; `what` names them in errors (`images`)."""
    if not isinstance(payload, Mapping) or "instances" not in payload:
        raise ValueError('the request must be a JSON object with "instances"')
    instances = payload["instances"]
    if not isinstance(instances, list):
        raise ValueError('"instances" must be a list')
    check_count(len(instances), at_most=at_most, what=what)
    return instances


def single_tensor(tensors: Sequence[Tensor], name: str) -> Tensor:
    """The one input of a request whose model takes one, named `name`."""
    names = [tensor.name for tensor in tensors]
    if names != [name]:
        raise ValueError(
            f"the request must have exactly one input, named {name!r}, got {[shown(name) for name in names[:10]]}"
        )
    return tensors[0]


def row_count(tensor: Tensor, *, at_most: int, what: str) -> int:
    """N of an input of the shape [N] or [N, 1], 1 to `at_most`."""
    if len(tensor.shape) not in (1, 2) or tensor.shape[1:] not in ((), (1,)):
        raise ValueError(
            f"the shape of {tensor.datatype} input {shown(tensor.name)!r} must be [N] or [N, 1], "
            f"got {shown_shape(tensor.shape)}"
        )
    check_count(tensor.shape[0], at_most=at_most, what=what)
    return tensor.shape[0]


def check_count(count: int, *, at_most: int, what: str) -> None:
    """Check that a request holds 1 to `at_most` rows."""
    if not 1 <= count <= at_most:
        raise ValueError(f"a request must hold 1 to {at_most:,} {what}, got {count:,}")


def check_filled(tensor: Tensor, found: int, wanted: int, *, what: str) -> None:
    """Check that an input holds as many values as its shape says."""
    if found != wanted:
        raise ValueError(
            f"input {shown(tensor.name)!r} must hold as many {what} as its shape says, {wanted:,}, got {found:,}"
        )


def byte_values(tensor: Tensor, count: int, *, what: str) -> list[Any]:
    """The `count` values of a `BYTES` input: byte strings from binary data and gRPC, of any type from JSON."""
    values = flat_values(tensor) if tensor.raw is None else byte_strings(tensor.raw, at_most=count)
    check_filled(tensor, len(values), count, what=what)
    return values


def flat_values(tensor: Tensor) -> list[Any]:
    """Values of an input's `data` in one list; lists nested in it must be of one length."""
    # As objects: numbers among long strings would otherwise be widened to strings of that length each.
    try:
        return np.array(tensor.data, dtype=object).ravel().tolist()
    except ValueError as error:
        raise ValueError(f"the data of input {shown(tensor.name)!r} must be a list or lists of one length") from error


def byte_strings(raw: bytes, *, at_most: int) -> list[bytes]:
    """At most `at_most` byte strings of the binary tensor extension, each after its length: 4 bytes, little-endian."""
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


def utf8_text(value: str | bytes, *, where: str) -> str:
    """Text of a value; refused are bytes that are no UTF-8, and half of a surrogate pair, which UTF-8 cannot hold."""
    try:
        if isinstance(value, bytes):
            return value.decode("utf-8")
        value.encode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        place = f"{'byte' if isinstance(value, bytes) else 'character'} {error.start + 1}"
        raise ValueError(f"{where} must be UTF-8 text, but {place} is none: {error.reason}") from error
    return value


def kind_of(value: Any) -> str:
    """What a JSON value is, for errors that must not show it."""
    kinds = {bool: "a truth value", str: "text", bytes: "text", list: "a list", dict: "an object", type(None): "null"}
    return kinds.get(type(value), "a number")


def shown(text: str) -> str:
    """A client's own name for something, cut short."""
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def shown_shape(shape: Sequence[int]) -> str:
    """A shape as the protocol writes it, its first 8 sizes."""
    return f"[{', '.join(map(str, shape[:8]))}]"
