"""Malformed requests that a server must refuse with a reason, for each modality."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
import json
import struct
from typing import Any

from components.shared.served_model.inference_client import RequestBody, tensors_request, value_tensor

_Request = Callable[[Sequence[Mapping[str, Any]]], RequestBody]
_NO_COLUMN = "no such column"
_NO_UTF8 = b"\xff\xfe"


@dataclass(frozen=True, kw_only=True, slots=True)
class MalformedRequest:
    """A V2 request with one mistake; `json_length` is where its JSON ends, bytes, if binary data follow."""

    mistake: str
    body: RequestBody


def malformed_requests(
    modality: str, row: Mapping[str, Any], datatypes: Mapping[str, str], *, is_repaired: bool = False
) -> tuple[MalformedRequest, ...]:
    """Requests that differ by one mistake each from a good one, which asks for the example `row`.

    `is_repaired`: the row and its `datatypes` are as the model reads them, not as its clients send them.
    """
    tensors = {name: value_tensor(name, datatype, row[name]) for name, datatype in datatypes.items()}
    first = next(iter(tensors))
    unfilled = {**tensors, first: {**tensors[first], "shape": [2]}}
    request = partial(tensors_request, is_repaired=is_repaired)
    return (
        *_MISTAKES[modality](tensors, request),
        MalformedRequest(mistake="an empty body", body=RequestBody(b"")),
        MalformedRequest(mistake="a shape that the data do not fill", body=request(list(unfilled.values()))),
    )


def _of_images(tensors: Mapping[str, dict[str, Any]], request: _Request) -> list[MalformedRequest]:
    (name,) = tensors
    no_image, no_base64 = value_tensor(name, "BYTES", b"this is no image"), value_tensor(name, "BYTES", "%%%")
    return [
        MalformedRequest(mistake="a text file for an image", body=request([no_image])),
        MalformedRequest(mistake="text that is no base64", body=request([no_base64])),
    ]


def _of_texts(tensors: Mapping[str, dict[str, Any]], request: _Request) -> list[MalformedRequest]:
    (name,) = tensors
    number = value_tensor(name, "BYTES", 3)
    raw = struct.pack("<I", len(_NO_UTF8)) + _NO_UTF8
    binary = {"name": name, "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [binary]}).encode()
    return [
        MalformedRequest(mistake="a number for a text", body=request([number])),
        MalformedRequest(mistake="bytes that are no UTF-8", body=RequestBody(head + raw, len(head))),
    ]


def _of_rows(tensors: Mapping[str, dict[str, Any]], request: _Request) -> list[MalformedRequest]:
    *kept, last = tensors.values()
    is_text = last["datatype"] == "BYTES"
    confused = value_tensor(last["name"], *(("FP64", 1.5) if is_text else ("BYTES", "much")))
    misspelt = {**last, "name": _NO_COLUMN}
    return [
        MalformedRequest(
            mistake="a number for a text" if is_text else "a text for a number",
            body=request([*kept, confused]),
        ),
        MalformedRequest(mistake="a column that is left out", body=request(kept)),
        MalformedRequest(mistake="a column that the model does not know", body=request([*kept, misspelt])),
    ]


_MISTAKES: Mapping[str, Callable[[Mapping[str, dict[str, Any]], _Request], list[MalformedRequest]]] = {
    "image": _of_images,
    "text": _of_texts,
    "tabular": _of_rows,
}
