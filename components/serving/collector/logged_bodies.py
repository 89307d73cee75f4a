"""Bodies of requests and answers, V1 and V2, as the log sees them: a column a feature, an answer a row.

What a server would refuse is read as far as it goes: the server answered, so the body was good enough for it. Binary
tensors follow the JSON, whose length only a header says that the logger does not hand on: JSON ends where it ends.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import json
import struct
from typing import Any, Literal

import numpy as np

Modality = Literal["image", "text", "tabular"]
CONTEXT = "context"
_V2_CONTEXT = f"{CONTEXT}."
_DTYPES = {
    "BOOL": "?", "INT8": "i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "UINT8": "u1", "UINT16": "<u2",
    "UINT32": "<u4", "UINT64": "<u8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedRequest:
    """What was asked: columns of N values each.

    Attributes
    ----------
    modality
        Of the features, as far as the body tells.
    features
        By the names that the client gave; `image` holds bytes of files, None for prepared pixels.
    context
        What came beside the features.
    num_rows
        N.
    request_id
        What the client called it; None where it did not.
    is_repaired
        Whether the rows are said to be as they are after the model's repairs.
    """

    modality: Modality
    features: Mapping[str, list[Any]]
    context: Mapping[str, list[Any]]
    num_rows: int
    request_id: str | None = None
    is_repaired: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedAnswer:
    """What was answered, to N rows; None where the answer has none of it.

    Attributes
    ----------
    labels, predictions
        Shape (N,).
    probabilities
        Shape (N, K), in the order of the answer's classes.
    """

    num_rows: int
    labels: list[str] | None = None
    predictions: list[float] | None = None
    probabilities: np.ndarray | None = None
    request_id: str | None = None
    model_version: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    datatype: str
    values: list[Any] = field(default_factory=list)


def read_request(data: bytes, modality: Modality | None = None) -> LoggedRequest:
    """Read the body of a request; `modality` is the model's where it is known. ValueError if it is none."""
    content, binary = _content(data)
    if isinstance(content.get("instances"), list):
        return _v1_request(content, modality)
    if isinstance(content.get("inputs"), list):
        return _v2_request(content, binary, modality)
    raise ValueError('the body of a request must have the list "instances" or "inputs"')


def read_answer(data: bytes) -> LoggedAnswer:
    """Read the body of an answer; ValueError if it is none."""
    content, binary = _content(data)
    if isinstance(content.get("predictions"), list):
        return _v1_answer(content)
    if isinstance(content.get("outputs"), list):
        return _v2_answer(content, binary)
    raise ValueError('the body of an answer must have the list "predictions" or "outputs"')


def _content(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON object at the start, and what follows it."""
    # Latin-1 has one character a byte, and JSON's structure is ASCII: where the object ends is the same.
    try:
        start = len(data) - len(data.lstrip())
        _, end = json.JSONDecoder(strict=False).raw_decode(data.decode("latin-1"), start)
        content = json.loads(data[:end])
    except (ValueError, RecursionError) as error:
        raise ValueError("the body must begin with a JSON object") from error
    if not isinstance(content, dict):
        raise ValueError("the body must begin with a JSON object")
    return content, data[end:]


def _v1_request(content: Mapping[str, Any], modality: Modality | None) -> LoggedRequest:
    instances = content["instances"]
    kind = modality or _guessed(instances[0] if instances else None)
    contexts = [_context_of(instance) for instance in instances]
    rows = [_row(instance, kind) for instance in instances]
    given = content.get("request_id", content.get("id"))
    return LoggedRequest(
        modality=kind,
        features=_columns(rows),
        context=_columns(contexts),
        num_rows=len(rows),
        request_id=given if isinstance(given, str) else None,
    )


def _guessed(instance: Any) -> Modality:
    if isinstance(instance, Mapping):
        if "image" in instance or set(instance) <= {"b64", CONTEXT}:
            return "image"
        return "text" if set(instance) <= {"text", CONTEXT} else "tabular"
    return "text"


def _context_of(instance: Any) -> Mapping[str, Any]:
    found = instance.get(CONTEXT) if isinstance(instance, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _row(instance: Any, modality: Modality) -> Mapping[str, Any]:
    if modality == "image":
        given = instance.get("image", instance) if isinstance(instance, Mapping) else instance
        text = given.get("b64") if isinstance(given, Mapping) else given
        return {"image": _from_base64(text) if isinstance(text, str) else None}
    if modality == "text":
        text = instance.get("text") if isinstance(instance, Mapping) else instance
        return {"text": text if isinstance(text, str) else None}
    if not isinstance(instance, Mapping):
        raise ValueError("an instance of a table must be an object with a value for each column")
    return {name: value for name, value in instance.items() if not (name == CONTEXT and isinstance(value, Mapping))}


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _v2_request(content: Mapping[str, Any], binary: bytes, modality: Modality | None) -> LoggedRequest:
    tensors = _tensors(content["inputs"], binary)
    if not tensors:
        raise ValueError("a request must have at least one input")
    num_rows = tensors[0].shape[0] if tensors[0].shape else 0
    features = {tensor.name: tensor for tensor in tensors if not tensor.name.startswith(_V2_CONTEXT)}
    names = set(features)
    kind = modality or ("image" if names == {"image"} else "text" if names == {"text"} else "tabular")
    columns = {name: _feature(tensor, kind, num_rows) for name, tensor in features.items()}
    context = {
        tensor.name.removeprefix(_V2_CONTEXT): _texts(_per_row(tensor, num_rows))
        for tensor in tensors
        if tensor.name.startswith(_V2_CONTEXT)
    }
    given, parameters = content.get("id"), content.get("parameters")
    return LoggedRequest(
        modality=kind,
        features=columns,
        context=context,
        num_rows=num_rows,
        request_id=given if isinstance(given, str) and given else None,
        is_repaired=isinstance(parameters, Mapping) and parameters.get("repaired") is True,
    )


def _feature(tensor: _Tensor, modality: Modality, num_rows: int) -> list[Any]:
    if modality == "image" and (tensor.datatype != "BYTES" or tensor.name != "image"):
        return [None] * num_rows
    values = _per_row(tensor, num_rows)
    if modality == "image":
        return [_from_base64(value) if isinstance(value, str) else value for value in values]
    return _texts(values)


def _texts(values: Sequence[Any]) -> list[Any]:
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]


def _per_row(tensor: _Tensor, num_rows: int) -> list[Any]:
    if len(tensor.values) != num_rows:
        raise ValueError(
            f"the input {tensor.name[:40]!r} must have one value a row, {num_rows}, got {len(tensor.values)}"
        )
    return tensor.values


def _v1_answer(content: Mapping[str, Any]) -> LoggedAnswer:
    predictions = content["predictions"]
    rows = [row if isinstance(row, Mapping) else {"prediction": row} for row in predictions]
    labels: list[Any] = [row.get("label") for row in rows]
    numbers: list[Any] = [row.get("prediction") for row in rows]
    given = [row.get("probabilities") for row in rows]
    has_labels = bool(rows) and all(isinstance(label, str) for label in labels)
    has_numbers = bool(rows) and all(isinstance(number, int | float) for number in numbers)
    return LoggedAnswer(
        num_rows=len(rows),
        labels=labels if has_labels else None,
        predictions=[float(number) for number in numbers] if has_numbers else None,
        probabilities=_matrix([list(row.values()) if isinstance(row, Mapping) else row for row in given]),
        request_id=_named(content, "request_id", "id"),
        model_version=_named(content, "model_version"),
    )


def _v2_answer(content: Mapping[str, Any], binary: bytes) -> LoggedAnswer:
    tensors = {tensor.name: tensor for tensor in _tensors(content["outputs"], binary)}
    first = next(iter(tensors.values()), None)
    num_rows = first.shape[0] if first is not None and first.shape else 0
    label, prediction, probabilities = (tensors.get(name) for name in ("label", "prediction", "probabilities"))
    return LoggedAnswer(
        num_rows=num_rows,
        labels=None if label is None else _texts(_per_row(label, num_rows)),
        predictions=None if prediction is None else [float(value) for value in _per_row(prediction, num_rows)],
        probabilities=None if probabilities is None else np.array(probabilities.values).reshape(num_rows, -1),
        request_id=_named(content, "id"),
        model_version=_named(content, "model_version"),
    )


def _named(content: Mapping[str, Any], *names: str) -> str | None:
    return next((content[name] for name in names if isinstance(content.get(name), str) and content[name]), None)


def _matrix(rows: Sequence[Any]) -> np.ndarray | None:
    if not rows or not all(isinstance(row, list) and len(row) == len(rows[0]) and row for row in rows):
        return None
    return np.array(rows, dtype=np.float64)


def _tensors(given: Sequence[Any], binary: bytes) -> list[_Tensor]:
    found, start = [], 0
    for tensor in given:
        try:
            name, shape, datatype = str(tensor["name"]), tuple(map(int, tensor["shape"])), str(tensor["datatype"])
            size = (tensor.get("parameters") or {}).get("binary_data_size")
            if size is None:
                values = _flat(tensor.get("data") or [])
            else:
                values = _binary_values(binary[start : start + int(size)], datatype)
                start += int(size)
        except (AttributeError, KeyError, TypeError, ValueError, struct.error) as error:
            raise ValueError("a tensor must have name, shape, datatype and data that fit together") from error
        found.append(_Tensor(name=name, shape=shape, datatype=datatype, values=values))
    return found


def _flat(values: Any) -> list[Any]:
    found: list[Any] = []
    waiting = [values]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        else:
            found.append(value)
    return found


def _binary_values(raw: bytes, datatype: str) -> list[Any]:
    if datatype != "BYTES":
        return list(np.frombuffer(raw, _DTYPES[datatype]).tolist())
    values, place = [], 0
    while place < len(raw):
        (length,) = struct.unpack_from("<I", raw, place)
        values.append(raw[place + 4 : place + 4 + length])
        place += 4 + length
    return values


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return None
