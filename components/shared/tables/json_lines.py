"""JSON lines as a table: one object a line, its keys the columns, every value a text as it stands in the file.

What is not there is null, as a key that a line does not have. Values of values (lists, objects) are refused.
"""

from collections.abc import Iterator, Sequence
import io
import json
from typing import Any
import unicodedata

import pyarrow as pa

from components.shared.tables.opening import BLOCK_BYTES, bounded_lines, check_num_columns, opened_text, readable

_BATCH_ROWS = 16384
_BATCH_VALUES = 4_000_000
_TRUTH = {True: "true", False: "false"}


def holds_json_lines(uri: str, encoding: str | None) -> bool:
    """Whether the first line of a file that is not blank is a JSON object by itself, whatever the file's name."""
    with readable(uri), opened_text(uri, encoding or "utf-8", errors="replace") as text:
        line = text.readline(BLOCK_BYTES)
        while line.isspace():
            line = text.readline(BLOCK_BYTES)
    line = line.strip()
    if not (line.startswith("{") and line.endswith("}")):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def json_columns(text: io.TextIOBase, *, uri: str) -> tuple[str, ...]:
    """The keys of all lines (NFC), in the order in which they occur first.

    Raises
    ------
    ValueError
        If a line is no object of single values, there is none, or there are too many keys.
    """
    names: dict[str, None] = {}
    num_rows = 0
    for row in _rows(text, uri):
        num_rows += 1
        if not row.keys() <= names.keys():
            names.update(dict.fromkeys(row))
            check_num_columns(len(names), uri=uri)
    if not names:
        raise ValueError(f"{uri} must hold a JSON object a line, but " + ("they are empty" if num_rows else "is empty"))
    return tuple(names)


def json_batches(text: io.TextIOBase, names: Sequence[str], *, uri: str) -> Iterator[pa.RecordBatch]:
    """Rows in batches with the columns `names`, all strings, null where missing or the empty text."""
    batch_rows = max(1, min(_BATCH_ROWS, _BATCH_VALUES // max(1, len(names))))
    held: list[dict[str, str | None]] = []
    for row in _rows(text, uri):
        held.append(row)
        if len(held) == batch_rows:
            yield _batch(held, names)
            held = []
    if held:
        yield _batch(held, names)


def _batch(rows: Sequence[dict[str, str | None]], names: Sequence[str]) -> pa.RecordBatch:
    arrays = [pa.array([row.get(name) or None for row in rows], pa.string()) for name in names]
    return pa.RecordBatch.from_arrays(arrays, list(names))


def _rows(text: io.TextIOBase, uri: str) -> Iterator[dict[str, str | None]]:
    known: dict[str, str] = {}
    for number, line in enumerate(bounded_lines(text, uri=uri), start=1):
        if not line.isspace():
            yield _row(line.strip(), known, f"line {number:,} of {uri}")


def _row(line: str, known: dict[str, str], where: str) -> dict[str, str | None]:
    try:
        # Numbers stay as they are written, so that types are decided as for other text, over the whole file.
        pairs = json.loads(line, object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{where} must be a whole JSON object, but at character {error.colno:,}: {error.msg}; write one object a "
            "line"
        ) from error
    except RecursionError as error:
        raise ValueError(f"{where} must be a JSON object of single values, but is nested too deeply") from error
    if not isinstance(pairs, _Pairs):
        raise ValueError(f"{where} must be a JSON object, but is {_kind_of(pairs)}: write one object a line")
    row: dict[str, str | None] = {}
    for key, value in pairs:
        name = known.get(key)
        if name is None:
            name = known[key] = unicodedata.normalize("NFC", key).strip()
        if name in row:
            raise ValueError(f"{where} must not repeat a key, but {name!r} occurs more than once")
        row[name] = value if value is None or isinstance(value, str) else _as_text(value, name, where)
    if "\\u" in line:
        _check_text(row, where)
    return row


def _check_text(row: dict[str, str | None], where: str) -> None:
    """Half of a surrogate pair can be escaped, but is no text."""
    for name, value in row.items():
        try:
            f"{name}{value}".encode()
        except UnicodeEncodeError as error:
            shown = name.encode("utf-8", "replace").decode()
            raise ValueError(f"{where} must hold text, but {shown!r} holds half of a pair of escapes") from error


class _Pairs(list[tuple[str, Any]]):
    """The keys and values of one object, as they come."""


def _as_text(value: object, name: str, where: str) -> str:
    if isinstance(value, bool):
        return _TRUTH[value]
    raise ValueError(
        f"{where} must hold single values, but {name!r} is {_kind_of(value)}: give each of its values a key of its own"
    )


def _kind_of(value: object) -> str:
    if isinstance(value, _Pairs):
        return "an object"
    return "a list" if isinstance(value, list) else "a single value"
