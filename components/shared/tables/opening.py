"""Opens table files, local or at a URI, compressed or not; a damaged file raises one plain sentence."""

from collections.abc import Iterator
import contextlib
import csv
import io
from pathlib import PurePosixPath
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
import pyarrow as pa

from components.shared.tables.text_encoding import first_bad_line

BLOCK_BYTES = 4 << 20
MAX_COLUMNS = 20_000
_ARROW_PACKINGS = {".gz": "gzip", ".bz2": "bz2"}
_PACKINGS = {**_ARROW_PACKINGS, ".xz": "xz"}
PACKED_SUFFIXES = tuple(_PACKINGS)


def _codec(encoding: str) -> str:
    """The codec that also skips a byte order mark, which would otherwise be part of the first name."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


def check_num_columns(num_columns: int, *, uri: str, at_least: bool = False) -> None:
    """Refuse a table that is too wide, before any of its rows is read; `at_least` where it may be wider still.

    Raises
    ------
    ValueError
        If there are more than `MAX_COLUMNS` columns.
    """
    if num_columns > MAX_COLUMNS:
        more = "more than " if at_least else ""
        raise ValueError(
            f"{uri} must have at most {MAX_COLUMNS:,} columns, but has {more}{num_columns:,}: keep those that matter, "
            "or turn the table if its rows are the columns"
        )


def bounded_lines(text: io.TextIOBase, *, uri: str) -> Iterator[str]:
    """Lines of a text, each at most `BLOCK_BYTES` characters long; `ValueError` for a longer one, before it is held."""
    while line := text.readline(BLOCK_BYTES + 1):
        if len(line) > BLOCK_BYTES:
            raise ValueError(f"{uri} cannot be read as a table: a row may have at most {BLOCK_BYTES >> 20} MB")
        yield line


@contextlib.contextmanager
def opened_text(uri: str, encoding: str, *, errors: str = "strict") -> Iterator[io.TextIOWrapper]:
    """Open a file as text, decompressed by its suffix; a byte order mark is skipped."""
    stream = opened(uri, unpack=True)
    with readable(uri), stream as data, io.TextIOWrapper(data, _codec(encoding), errors, newline="") as text:
        yield text


def opened(uri: str, *, unpack: bool) -> Any:
    """Open a file as bytes; with `unpack`, decompressed by its suffix (.gz, .bz2, .xz)."""
    # fsspec would infer zip, too, and hand over the first file of an archive.
    packing = _PACKINGS.get(PurePosixPath(uri).suffix.lower()) if unpack else None
    return fsspec.open(uri, "rb", compression=packing)


def opened_for_arrow(uri: str) -> Any:
    """Open a file as `opened` with `unpack` does, but by Arrow itself where it is local and Arrow can decompress it."""
    filesystem, path = fsspec.core.url_to_fs(uri)
    suffix = PurePosixPath(path).suffix.lower()
    packing, is_packed = _ARROW_PACKINGS.get(suffix), suffix in _PACKINGS
    if not isinstance(filesystem, LocalFileSystem) or (is_packed and packing is None):
        return opened(uri, unpack=True)
    return pa.input_stream(path, compression=packing)


@contextlib.contextmanager
def readable(uri: str) -> Iterator[None]:
    """Turn the errors of a damaged file inside the block into a `ValueError` of one sentence."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(_not_in(uri, error.encoding)) from error
    except LookupError as error:
        raise ValueError(f"table.encoding must be an encoding that Python knows: {error}") from error
    except (pa.ArrowException, csv.Error, EOFError, OSError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        if "invalid UTF8" in str(error):
            raise ValueError(_not_in(uri, "utf-8")) from error
        hint = (
            f": a row may have at most {BLOCK_BYTES >> 20} MB; is a quote never closed?"
            if "straddl" in str(error)
            else ""
        )
        raise ValueError(f"{uri} cannot be read as a table{hint or f' ({error})'}") from error


def _not_in(uri: str, encoding: str) -> str:
    with opened(uri, unpack=True) as stream:
        line = first_bad_line(stream, encoding)
    where = "it is not" if line is None else f"line {line:,} is not"
    return f"{uri} must be text in {encoding}, but {where}: save it in one encoding, or set table.encoding"
