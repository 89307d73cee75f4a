"""Texts that clients send: JSON strings as they are, UTF-8 in binary data and over gRPC."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from components.modeling.features import Features
from components.serving.server.request_rows import (
    byte_values,
    BYTES,
    instances_of,
    kind_of,
    ReadRows,
    row_count,
    shown,
    single_tensor,
    Tensor,
    utf8_text,
)

INPUT_NAME = "text"
MAX_TEXTS = 1024
# One request must not hold up the others for long: some seconds of preparing.
MAX_REQUEST_BYTES = 4 * 1024 * 1024


class TextPayloads:
    """Reads requests of a model of texts."""

    def __init__(self, features: Features) -> None:
        self._features = features

    @property
    def input_types(self) -> list[dict[str, Any]]:
        """Inputs for the metadata endpoint."""
        return [{"name": INPUT_NAME, "datatype": BYTES, "shape": [-1]}]

    def from_instances(self, payload: Any) -> ReadRows:
        """Rows of a V1 request; ValueError says what is wrong with it."""
        return self._prepared(texts_from_instances(payload))

    def from_tensors(self, tensors: Sequence[Tensor]) -> ReadRows:
        """Rows of a V2 request; ValueError says what is wrong with it."""
        return self._prepared(texts_from_tensors(tensors))

    def _prepared(self, texts: Sequence[str]) -> ReadRows:
        columns = {INPUT_NAME: pa.array(texts, pa.string())}
        return ReadRows(columns=columns, inputs=self._features.prepare(columns))


def texts_from_instances(payload: Any) -> list[str]:
    """Texts of a V1 request, 1 to `MAX_TEXTS`, perhaps empty; an instance is a text, or `{"text": ...}` with one."""
    instances = instances_of(payload, at_most=MAX_TEXTS, what="texts")
    return _checked([_from_instance(instance, number) for number, instance in enumerate(instances, start=1)])


def texts_from_tensors(tensors: Sequence[Tensor]) -> list[str]:
    """Texts of a V2 request with one `BYTES` input named `text`, 1 to `MAX_TEXTS`, perhaps empty."""
    tensor = single_tensor(tensors, INPUT_NAME)
    if tensor.datatype != BYTES:
        raise ValueError(f"the datatype of input {INPUT_NAME!r} must be BYTES, got {shown(tensor.datatype)!r}")
    count = row_count(tensor, at_most=MAX_TEXTS, what="texts")
    values = byte_values(tensor, count, what="texts")
    return _checked([_from_value(value, number) for number, value in enumerate(values, start=1)])


def _from_instance(instance: Any, number: int) -> str:
    text = instance.get(INPUT_NAME) if isinstance(instance, Mapping) else instance
    if isinstance(text, str):
        return utf8_text(text, where=f"text {number}")
    if text is instance:
        raise ValueError(f'instance {number} must be text or {{"text": "..."}}, got {kind_of(instance)}')
    found = kind_of(text) if INPUT_NAME in instance else f"an object without {INPUT_NAME!r}"
    raise ValueError(f'instance {number} must be text or {{"text": "..."}}, got {found}')


def _from_value(value: Any, number: int) -> str:
    if isinstance(value, str | bytes):
        return utf8_text(value, where=f"text {number}")
    raise ValueError(f"text {number} must be a string, got {kind_of(value)}")


def _checked(texts: list[str]) -> list[str]:
    num_bytes = sum(len(text.encode()) for text in texts)
    if num_bytes > MAX_REQUEST_BYTES:
        raise ValueError(
            f"the texts of a request must have at most {MAX_REQUEST_BYTES:,} bytes together, got {num_bytes:,}"
        )
    return texts
