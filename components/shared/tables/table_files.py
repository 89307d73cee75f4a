"""Table files as streams: CSV, TSV and Parquet. Ragged rows are reported and left out; they do not stop the reading."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
import csv
from dataclasses import dataclass, field
import io
from pathlib import PurePosixPath
import unicodedata

import pyarrow as pa
import pyarrow.csv as pa_csv

from components.shared.tables.column_types import MISSING_NUMBERS
from components.shared.tables.csv_stream import csv_batches
from components.shared.tables.opening import BLOCK_BYTES, opened, opened_for_arrow, opened_text, readable
from components.shared.tables.parquet_file import parquet_file
from components.shared.tables.table_spec import TableSpec
from components.shared.tables.text_encoding import recognised_encoding

_BATCH_ROWS = 16384
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_OTHER_DELIMITERS = (",", "\t", ";", "|")
_DELIMITER_WORDS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".txt": "tsv", ".parquet": "parquet", ".pq": "parquet"}
_PACKED_SUFFIXES = (".gz", ".bz2", ".xz")


@dataclass(frozen=True, kw_only=True, slots=True)
class RaggedRow:
    """A row with another number of values than the header.

    Attributes
    ----------
    row
        Its number, counted from 1, the header; blank lines do not count.
    num_expected, num_found
        Numbers of values: the header's, and this row's.
    num_lines
        Lines it spans; many where a quote is never closed.
    """

    row: int
    num_expected: int
    num_found: int
    num_lines: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class _Header:
    """The first row that is not blank, how many blank lines come before it, and whether nothing follows."""

    names: list[str]
    num_blank: int
    is_all: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TableFile:
    """A table file, at a local path or an fsspec URI, and how it is read.

    `inferred` says what was recognised rather than told, one sentence each.
    """

    uri: str
    is_parquet: bool = False
    delimiter: str = ","
    quoting: bool = True
    encoding: str = "utf-8"
    inferred: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return PurePosixPath(self.uri).name

    def column_names(self) -> list[str]:
        """Names of the columns, NFC.

        Raises
        ------
        ValueError
            If the file is empty, cannot be read, or repeats a name.
        """
        found = self._stored_schema().names if self.is_parquet else self._header().names
        names = [unicodedata.normalize("NFC", name).strip() for name in found]
        repeated = next((name for name, count in Counter(names).items() if count > 1), None)
        if repeated is not None:
            raise ValueError(f"{self.uri} must not repeat a column's name, but {repeated!r} occurs more than once")
        return names

    def schema(self) -> pa.Schema:
        """Columns of a Parquet file under their names (NFC) with their types."""
        return pa.schema(list(zip(self.column_names(), self._stored_schema().types, strict=True)))

    def iter_batches(self, ragged: list[RaggedRow] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the file; only one block is held at a time.

        Parameters
        ----------
        ragged
            Receives the rows that have too few or too many values and are left out.

        Yields
        ------
        pa.RecordBatch
            Columns under their names (NFC). Those of delimited text are all strings, null where empty.

        Raises
        ------
        ValueError
            If the file cannot be read as what it should be.
        """
        names = self.column_names()
        found = [] if ragged is None else ragged
        batches = self._stored_batches() if self.is_parquet else self._text_batches(names, found)
        for batch in batches:
            named = pa.RecordBatch.from_arrays(batch.columns, names)
            for start in range(0, named.num_rows, _BATCH_ROWS):
                yield named.slice(start, _BATCH_ROWS)

    def iter_typed_batches(
        self, types: Mapping[str, pa.DataType], ragged_lines: list[int] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Stream delimited text in types that were decided before, several times as fast as `iter_batches`.

        Parameters
        ----------
        types
            null, int64, float64 or string for each column, by its name (NFC).
        ragged_lines
            Receives, for each row with too few or too many values, the number of lines that it spans; such rows are
            left out.

        Yields
        ------
        pa.RecordBatch
            Columns under their names (NFC); numbers are null where empty or a word for missing, texts as they stand.

        Raises
        ------
        ValueError
            If a value does not fit its column's type, or the file cannot be read.
        """
        names = self.column_names()
        convert = pa_csv.ConvertOptions(
            column_types={str(number): types[name] for number, name in enumerate(names)},
            null_values=["", *MISSING_NUMBERS],
            strings_can_be_null=False,
        )
        lines = [] if ragged_lines is None else ragged_lines
        for batch in self._parsed_batches(convert, lambda row: lines.append(_num_lines(row)), use_threads=True):
            yield pa.RecordBatch.from_arrays(batch.columns, names)

    def _stored_schema(self) -> pa.Schema:
        with readable(self.uri), opened(self.uri, unpack=False) as stream:
            return parquet_file(stream).schema_arrow

    def _stored_batches(self) -> Iterator[pa.RecordBatch]:
        with readable(self.uri), opened(self.uri, unpack=False) as stream:
            yield from parquet_file(stream).iter_batches(batch_size=_BATCH_ROWS)

    def _header(self) -> _Header:
        with opened_text(self.uri, self.encoding) as text:
            for number, row in enumerate(_csv_rows(text, self)):
                if row:
                    return _Header(names=row, num_blank=number, is_all=not next(text, ""))
        raise ValueError(f"{self.uri} must be a table with a header, but it is empty")

    def _text_batches(self, names: list[str], ragged: list[RaggedRow]) -> Iterator[pa.RecordBatch]:
        texts = {str(number): pa.string() for number in range(len(names))}
        convert = pa_csv.ConvertOptions(column_types=texts, null_values=[""], strings_can_be_null=True)
        return self._parsed_batches(convert, lambda row: ragged.append(_ragged_row(row)))

    def _parsed_batches(
        self,
        convert: pa_csv.ConvertOptions,
        quarantine: Callable[[pa_csv.InvalidRow], None],
        *,
        use_threads: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """Rows below the header; columns are named by number, since the header's names may repeat until trimmed."""
        header = self._header()
        if header.is_all:
            return

        def skipped(row: pa_csv.InvalidRow) -> str:
            quarantine(row)
            return "skip"

        read_options = pa_csv.ReadOptions(
            use_threads=use_threads,  # without threads Arrow knows the rows' numbers
            block_size=BLOCK_BYTES,
            encoding=self.encoding,
            column_names=[str(number) for number in range(len(header.names))],
            skip_rows=header.num_blank,
            skip_rows_after_names=1,
        )
        parse_options = pa_csv.ParseOptions(
            delimiter=self.delimiter,
            quote_char='"' if self.quoting else False,
            newlines_in_values=self.quoting,
            invalid_row_handler=skipped,
        )
        with readable(self.uri), opened_for_arrow(self.uri) as stream:
            yield from csv_batches(
                stream, read_options=read_options, parse_options=parse_options, convert_options=convert
            )


def table_file(uri: str, spec: TableSpec) -> TableFile:
    """A table file at a local path or fsspec URI; what `spec` leaves open is recognised.

    Raises
    ------
    ValueError
        If format, delimiter or encoding cannot be recognised, or the file is empty.
    """
    path = PurePosixPath(uri)
    suffix = PurePosixPath(path.stem).suffix if path.suffix.lower() in _PACKED_SUFFIXES else path.suffix
    kind = spec.format or _SUFFIXES.get(suffix.lower())
    if kind is None:
        raise ValueError(
            f"{uri} must be a folder of images or a table ending in {', '.join(_SUFFIXES)}; "
            "for a table of another name set table.format"
        )
    if kind == "parquet":
        return TableFile(uri=uri, is_parquet=True)
    with readable(uri), opened(uri, unpack=True) as stream:
        encoding = spec.encoding or recognised_encoding(stream, uri=uri)
    with opened_text(uri, encoding) as text:
        first_line = next((line for line in text if line.strip()), "")
    delimiter = spec.delimiter or _recognised_delimiter(first_line, _DELIMITERS[kind])
    inferred = [f"{path.name} is read as {encoding}"] if spec.encoding is None else []
    if spec.delimiter is None:
        inferred.append(f"values in {path.name} are separated by {_DELIMITER_WORDS[delimiter]}")
    quoting = True if spec.quoting is None else spec.quoting
    return TableFile(uri=uri, delimiter=delimiter, quoting=quoting, encoding=encoding, inferred=tuple(inferred))


def _ragged_row(row: pa_csv.InvalidRow) -> RaggedRow:
    return RaggedRow(
        row=row.number,
        num_expected=row.expected_columns,
        num_found=row.actual_columns,
        num_lines=_num_lines(row),
    )


def _num_lines(row: pa_csv.InvalidRow) -> int:
    return len(row.text.splitlines()) or 1


def _csv_rows(text: io.TextIOWrapper, file: TableFile) -> Iterator[list[str]]:
    return csv.reader(text, delimiter=file.delimiter, quoting=csv.QUOTE_MINIMAL if file.quoting else csv.QUOTE_NONE)


def _recognised_delimiter(first_line: str, expected: str) -> str:
    if expected in first_line:
        return expected
    found = max(_OTHER_DELIMITERS, key=first_line.count)
    return found if found in first_line else expected
