"""Arrow's streaming CSV reader, made safe to close before the end of the file.

Arrow reads ahead in a thread, and a reader that is dropped waits for that thread. Where the file is a Python object,
the thread needs Python's lock, which the waiting thread holds: the process hangs. So local files are opened by Arrow
itself, and any other file is made to return its end before the reader is dropped.
"""

from collections.abc import Callable, Iterator
import contextlib
import io
import threading
import time
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from components.shared.tables.delimited_form import DelimitedForm
from components.shared.tables.opening import BLOCK_BYTES, opened_for_arrow, readable

_PAUSE_S = 0.2


class _EndableFile(io.RawIOBase):
    """A file that can be told to return its end at the next read."""

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self._stream = stream
        self._is_reading = False
        self._is_told = False
        self._has_ended = threading.Event()

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Bytes of the file; none once it was told to end."""
        self._is_reading = True
        try:
            content = b"" if self._is_told else self._stream.read(size)
        finally:
            self._is_reading = False
        if not content:
            self._has_ended.set()
        return content

    def end(self) -> None:
        """Make the next read return the end, and wait until it has; where nobody reads any more, do not wait."""
        self._is_told = True
        while not self._has_ended.wait(_PAUSE_S) and self._is_reading:
            pass


def csv_batches(
    stream: Any,
    *,
    read_options: pa_csv.ReadOptions,
    parse_options: pa_csv.ParseOptions,
    convert_options: pa_csv.ConvertOptions,
) -> Iterator[pa.RecordBatch]:
    """Stream record batches of a Python or Arrow binary file from its beginning; see `pyarrow.csv.open_csv`.

    `pa.ArrowInvalid` if the text does not fit the options.
    """
    # Arrow hands text in other encodings to Python to decode.
    if isinstance(stream, pa.NativeFile) and read_options.encoding.lower() in ("utf-8", "utf8"):
        yield from pa_csv.open_csv(
            stream, read_options=read_options, parse_options=parse_options, convert_options=convert_options
        )
        return
    file = _EndableFile(stream)
    reader = pa_csv.open_csv(
        file, read_options=read_options, parse_options=parse_options, convert_options=convert_options
    )
    try:
        yield from reader
    finally:
        file.end()
        # Drain what was read ahead; after an error there may be nothing to drain.
        with contextlib.suppress(pa.ArrowException, ValueError, OSError):
            for _ in reader:
                pass
        # The thread may still be returning from its last read.
        time.sleep(_PAUSE_S / 10)


def delimited_batches(
    uri: str,
    form: DelimitedForm,
    convert_options: pa_csv.ConvertOptions,
    *,
    encoding: str,
    skipped: Callable[[pa_csv.InvalidRow], None],
    use_threads: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Stream the rows of values of a file; columns are named by number, since a header's names may repeat.

    `skipped` receives the rows that have too few or too many values; without threads they know their numbers.
    `ValueError` if the file cannot be read.
    """
    if form.is_all and form.has_header:
        return

    def left_out(row: pa_csv.InvalidRow) -> str:
        skipped(row)
        return "skip"

    read_options = pa_csv.ReadOptions(
        use_threads=use_threads,
        block_size=BLOCK_BYTES,
        encoding=encoding,
        column_names=[str(number) for number in range(len(form.names))],
        skip_rows=form.num_blank,
        skip_rows_after_names=int(form.has_header),
    )
    parse_options = pa_csv.ParseOptions(
        delimiter=form.delimiter,
        quote_char='"' if form.quoting else False,
        newlines_in_values=form.quoting,
        invalid_row_handler=left_out,
    )
    with readable(uri), opened_for_arrow(uri) as stream:
        yield from csv_batches(
            stream, read_options=read_options, parse_options=parse_options, convert_options=convert_options
        )
