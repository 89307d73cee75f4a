"""Looks for planted values in files as they are meant to be read: columns, messages, archives and escapes are decoded.

A value is looked for as it is written, as its digits alone, and as a number. What may hold it, the payload and feature
columns of tables, is said by the caller.
"""

import base64
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
import gzip
import html
import io
import json
from pathlib import Path
import re
import struct
from typing import Any
import urllib.parse
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_MAX_DEPTH = 6
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_ESCAPED = re.compile(r"\\u[0-9a-fA-F]{4}")
_DIGITS_APART = re.compile(r"(?<=[0-9])[-. ,_](?=[0-9])")
_MIN_DIGITS = 9


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A planted value in a file, and the way to it: `parquet column 'note'`, `gzip > json`."""

    file: str
    way: str
    value: str


class DecodedSearch:
    """Looks for `values`, among them e-mail addresses and numbers with separators."""

    def __init__(self, values: Collection[str]) -> None:
        self._needles: dict[str, str] = {}
        self._numbers: dict[float, str] = {}
        for value in values:
            self._needles[value.casefold()] = value
            digits = re.sub(r"[^0-9]", "", value)
            if len(digits) >= _MIN_DIGITS and not re.search(r"[^-0-9. +]", value):
                self._needles[digits] = self._needles[digits.lstrip("0")] = value
                self._numbers[float(digits)] = value

    def folder(self, path: Path, *, exempt: Callable[[Path], bool | Collection[str]] = lambda file: False) -> list[Hit]:
        """Hits in all files below `path` and in their names; `exempt` names files, or columns of one, that may hold."""
        hits = []
        for file in sorted(path.rglob("*")):
            name = file.relative_to(path).as_posix()
            hits += [Hit(file=name, way="name", value=value) for value in self._in_text(file.name)]
            allowed = exempt(file) if file.is_file() else True
            if allowed is not True:
                columns = () if allowed is False else tuple(allowed)
                found = self.data(file.read_bytes(), columns=columns)
                hits += [Hit(file=name, way=way, value=value) for way, value in dict.fromkeys(found)]
        return hits

    def data(self, content: bytes, *, columns: Collection[str] = (), depth: int = 0) -> Iterator[tuple[str, str]]:
        """Ways and values in the content of a file; `columns` of a table may hold them."""
        if depth > _MAX_DEPTH or not content:
            return
        for magic, way, decode in _CONTAINERS:
            if magic(content):
                try:
                    parts = list(decode(content, columns))
                except (ValueError, OSError, EOFError, struct.error, zipfile.BadZipFile, pa.ArrowException):
                    continue
                for name, part in parts:
                    yield from self._part(part, " ".join(filter(None, (way, name))), depth)
                return
        yield from self._plain(content, depth)

    def _part(self, part: Any, way: str, depth: int) -> Iterator[tuple[str, str]]:
        if isinstance(part, bytes):
            yield from ((f"{way} > {inner}", value) for inner, value in self.data(part, depth=depth + 1))
        elif isinstance(part, np.ndarray):
            yield from ((way, value) for value in self._in_numbers(part))
        else:
            yield from ((way, value) for value in self._in_text(str(part)))

    def _plain(self, content: bytes, depth: int) -> Iterator[tuple[str, str]]:
        text = content.decode("utf-8", errors="replace")
        forms = {"text": text, "html": html.unescape(text), "url": urllib.parse.unquote(text)}
        forms["escapes"] = _ESCAPED.sub(lambda found: chr(int(found[0][2:], 16)), text)
        for way, form in forms.items():
            if way == "text" or form != text:
                yield from ((way, value) for value in self._in_text(form))
        if b"\0" in content:
            for encoding in ("utf-16-le", "utf-16-be"):
                yield from ((encoding, value) for value in self._in_text(content.decode(encoding, errors="replace")))
            yield from (("protobuf", value) for value in self._in_numbers(_message_numbers(content)))
        elif not text.isprintable() and content[:1] < b"\x20":
            yield from (("protobuf", value) for value in self._in_numbers(_message_numbers(content)))
        yield from self._structured(text)
        for found in _BASE64.finditer(content):
            for decoded in _from_base64(found[0]):
                yield from ((f"base64 > {way}", value) for way, value in self.data(decoded, depth=depth + 1))

    def _structured(self, text: str) -> Iterator[tuple[str, str]]:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            return
        for item in _leaves(content):
            if isinstance(item, str):
                yield from (("json", value) for value in self._in_text(item))
            elif isinstance(item, int | float) and not isinstance(item, bool):
                yield from (("json", value) for value in self._in_numbers(np.array([item], np.float64)))

    def _in_text(self, text: str) -> list[str]:
        folded = text.casefold()
        joined = _DIGITS_APART.sub("", folded)
        found = [value for needle, value in self._needles.items() if needle in folded or needle in joined]
        return list(dict.fromkeys(found))

    def _in_numbers(self, numbers: np.ndarray) -> list[str]:
        if not len(self._numbers) or not numbers.size:
            return []
        present = np.intersect1d(np.asarray(numbers, np.float64).ravel(), np.array([*self._numbers]))
        return [self._numbers[float(number)] for number in present]


def _parquet_parts(content: bytes, columns: Collection[str]) -> Iterator[tuple[str, Any]]:
    file = pq.ParquetFile(io.BytesIO(content))
    metadata = file.metadata
    yield from _metadata_parts(file.schema_arrow)
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            if column.path_in_schema.split(".")[0] not in columns and column.statistics is not None:
                bounds = [column.statistics.min, column.statistics.max] if column.statistics.has_min_max else []
                yield "statistics", " ".join(map(str, bounds))
    for batch in file.iter_batches():
        yield from _batch_parts(batch, columns)


def _arrow_parts(content: bytes, columns: Collection[str]) -> Iterator[tuple[str, Any]]:
    if content.startswith(b"ARROW1"):
        file = pa.ipc.open_file(content)
        batches: Iterable[pa.RecordBatch] = (file.get_batch(number) for number in range(file.num_record_batches))
        schema = file.schema
    else:
        stream = pa.ipc.open_stream(content)
        batches, schema = stream, stream.schema
    yield from _metadata_parts(schema)
    for batch in batches:
        yield from _batch_parts(batch, columns)


def _metadata_parts(schema: pa.Schema) -> Iterator[tuple[str, Any]]:
    for metadata in [schema.metadata, *(field.metadata for field in schema)]:
        for key, value in (metadata or {}).items():
            # What Arrow keeps of itself in Parquet holds the others once more, in base64.
            if key != b"ARROW:schema":
                yield "metadata", bytes(value)
    yield "names", " ".join(schema.names)


def _batch_parts(batch: pa.RecordBatch, columns: Collection[str]) -> Iterator[tuple[str, Any]]:
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        if name not in columns:
            yield from ((f"column {name!r}", part) for part in _array_parts(array))


def _array_parts(array: pa.Array) -> Iterator[Any]:
    kind = array.type
    if pa.types.is_dictionary(kind):
        yield from _array_parts(array.dictionary)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _array_parts(array.flatten())
    elif pa.types.is_struct(kind):
        for field in array.flatten():
            yield from _array_parts(field)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        yield np.array(array.drop_null().to_pylist(), np.float64)
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        yield from (value for value in array.to_pylist() if value)
    elif not pa.types.is_null(kind):
        yield "\n".join(map(str, array.drop_null().to_pylist()))


def _gzip_parts(content: bytes, columns: Collection[str]) -> Iterator[tuple[str, Any]]:
    yield "", gzip.decompress(content)


def _zip_parts(content: bytes, columns: Collection[str]) -> Iterator[tuple[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            yield "name", name
            yield name, archive.read(name)


def _zstd_parts(content: bytes, columns: Collection[str]) -> Iterator[tuple[str, Any]]:
    yield "", pa.CompressedInputStream(pa.BufferReader(content), "zstd").read()


def _safetensors_parts(content: bytes, columns: Collection[str]) -> Iterator[tuple[str, Any]]:
    length = struct.unpack("<Q", content[:8])[0]
    header = content[8 : 8 + length]
    yield "header", header
    for name, tensor in json.loads(header).items():
        kind = {"F64": "<f8", "F32": "<f4", "I64": "<i8"}.get(tensor.get("dtype"))
        if name != "__metadata__" and kind is not None:
            start, end = (8 + length + offset for offset in tensor["data_offsets"])
            yield name, np.frombuffer(content[start:end], kind)


def _is_safetensors(content: bytes) -> bool:
    return len(content) > 10 and struct.unpack("<Q", content[:8])[0] < len(content) and content[8:10] in (b'{"', b"{}")


_CONTAINERS: tuple[tuple[Callable[[bytes], bool], str, Callable[..., Iterator[tuple[str, Any]]]], ...] = (
    (lambda content: content.startswith(b"PAR1"), "parquet", _parquet_parts),
    (lambda content: content.startswith((b"ARROW1", b"\xff\xff\xff\xff")), "arrow", _arrow_parts),
    (lambda content: content.startswith(b"\x1f\x8b"), "gzip", _gzip_parts),
    (lambda content: content.startswith(b"PK\x03\x04"), "zip", _zip_parts),
    (lambda content: content.startswith(b"\x28\xb5\x2f\xfd"), "zstd", _zstd_parts),
    (_is_safetensors, "safetensors", _safetensors_parts),
)


def _message_numbers(content: bytes) -> np.ndarray:
    """Doubles, floats and whole numbers of a protobuf message and of the messages in it."""
    numbers: list[float] = []
    _read_message(content, numbers, 0)
    return np.array(numbers, np.float64)


def _read_message(content: bytes, numbers: list[float], depth: int) -> bool:
    """Append the numbers of a message; whether the bytes are one."""
    place, found = 0, []
    try:
        while place < len(content):
            tag, place = _varint(content, place)
            kind = tag & 7
            if not tag >> 3 or kind in (3, 4, 6, 7):
                return False
            if kind == 0:
                value, place = _varint(content, place)
                found.append(float(value))
            elif kind in (1, 5):
                size, form = (8, "<d") if kind == 1 else (4, "<f")
                found.append(struct.unpack(form, content[place : place + size])[0])
                place += size
            else:
                length, place = _varint(content, place)
                part = content[place : place + length]
                place += length
                if len(part) != length:
                    return False
                if not (depth < 20 and _read_message(part, found, depth + 1)) and length % 8 == 0:
                    found.extend(np.frombuffer(part, "<f8").tolist())
    except (IndexError, struct.error):
        return False
    numbers.extend(found)
    return True


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80 or shift > 63:
            return value, place


def _leaves(content: Any) -> Iterator[Any]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield key
            yield from _leaves(value)
    elif isinstance(content, list):
        for value in content:
            yield from _leaves(value)
    else:
        yield content


def _from_base64(text: bytes) -> Iterator[bytes]:
    alphabet = base64.urlsafe_b64decode if re.search(rb"[-_]", text) else base64.b64decode
    body = text.rstrip(b"=")
    # Words before a text in base64 may run into it: a quantum has four characters.
    for start in range(4 if len(body) < 4096 else 1):
        part = body[start:]
        try:
            yield alphabet(part + b"=" * (-len(part) % 4))
        except ValueError:
            continue
