"""Delimited text as a table to be examined: types are decided on the first rows, and the file is then read once.

Where a later value does not fit, the whole file is looked through, its types decided on every row, and the reader
begins again; so no row is seen twice, and no row decides by where it stands. One limit: Arrow takes `00501` for the
number 501, so a column whose first rows are all whole numbers without leading zeros is a column of numbers.
"""

import codecs
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from components.data_validation.tables.table_source import (
    check_value_lengths,
    shortened,
    TablePart,
    TableSource,
    TypesWidened,
)
from components.shared.runtime.progress import progress
from components.shared.tables.column_types import as_type, composed_texts, type_of_texts, widest_types
from components.shared.tables.opening import opened, readable
from components.shared.tables.repair_spec import Repair
from components.shared.tables.table_files import RaggedRow, TableFile
from components.shared.tables.table_recognition import table_file
from components.shared.tables.table_spec import TableSpec

MAX_RAGGED_SHARE = 0.1
_FIRST_ROWS = 16384
_FIRST_BATCHES = 8
_HEAD_BYTES = 1 << 20
_LOOKS_LIKE_NUMBER = r"^\s*[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?\s*$"


class TextTable(TableSource):
    """A CSV or TSV file or JSON lines, packed or not; what `spec` does not say is recognised. See `TableSource`.

    Columns are repaired, and values cleaned as `spec` says, but for the columns of `payload`, which hold texts as they
    stand. `ValueError` where the file is empty, repeats a column's name, or cannot be read as text.
    """

    def __init__(
        self, uri: str, spec: TableSpec, payload: Collection[str] = (), repairs: Sequence[Repair] = ()
    ) -> None:
        super().__init__(uri)
        self._repairs = tuple(repairs)
        self._spec = spec
        self._payload = frozenset(payload)
        self._file, self._recognised = _recognised_file(uri, spec, self._repairs)
        self._names = self._file.column_names()
        try:
            self._types, self._mixed = self._first_types()
        except ValueError as error:
            if not isinstance(error.__cause__, pa.ArrowInvalid) or spec.encoding is not None:
                raise
            # Not UTF-8 after all, as the first rows show.
            self._recognise_wholly()
            self._types, self._mixed = self._first_types()
        self._settled = False
        self._num_rows: int | None = None
        self._num_ragged = 0

    @property
    def schema(self) -> pa.Schema:
        """Columns as far as they are known; reading may widen them once."""
        return pa.schema([(name, self._types[name]) for name in self._names])

    @property
    def num_rows(self) -> int | None:
        """Rows that are not ragged; None before the first reading."""
        return self._num_rows

    @property
    def remarks(self) -> tuple[str, ...]:
        """Encoding, delimiter, ragged rows, and columns of numbers and texts."""
        remarks = list(self._recognised)
        if self._mixed:
            remarks.append(f"read as text, since they hold numbers and other texts: {shortened(self._mixed)}")
        if self._num_ragged:
            remarks.append(f"{self._num_ragged:,} lines of {self.name} with too few or too many values are left out")
        return tuple(remarks)

    def parts(self, num_parts: int) -> list[TablePart]:
        """The whole: a line break may stand inside quotes, so that text cannot be cut unread."""
        return [TablePart(num_rows=self._num_rows)]

    def settle(self) -> None:
        """Decide the types on every row; a second call costs nothing."""
        if self._settled:
            return
        self._recognise_wholly()
        found: list[dict[str, pa.DataType | None]] = []
        for batch in progress(self._file.iter_batches(), label=f"looking through {self.name}", unit="block"):
            found.append(self._types_of(batch))
        before, self._types = self._types, _widened(self._names, found)
        gained = [name for name in self._names if self._types[name] == pa.string() and _is_number(before[name])]
        self._mixed = tuple(dict.fromkeys([*self._mixed, *gained]))
        self._settled = True

    def _recognise_wholly(self) -> None:
        """Recognise the encoding on all of the file: what a look at its beginning took for UTF-8 need not be it."""
        self._file = table_file(self.uri, self._spec, self._repairs)
        self._recognised = self._file.inferred

    def _batches(self, columns: Sequence[str], part: TablePart | None, batch_rows: int) -> Iterator[pa.RecordBatch]:
        ragged: list[int] = []
        num_rows = 0
        for batch in self._settled_batches(ragged) if self._settled else self._typed_batches(ragged):
            num_rows += batch.num_rows
            arrays = [batch.column(name) for name in columns]
            typed = [self._as_type(name, array) for name, array in zip(columns, arrays, strict=True)]
            first_row = self._file.first_row + num_rows - batch.num_rows
            check_value_lengths(columns, arrays, uri=self.uri, first_row=first_row, has_ragged=bool(ragged))
            yield pa.RecordBatch.from_arrays(typed, list(columns))
        self._num_rows, self._num_ragged = num_rows, sum(ragged)
        if self._num_ragged > MAX_RAGGED_SHARE * (num_rows + self._num_ragged):
            raise ValueError(
                f"{self.uri} must have {len(self._names)} values in each row, but {self._num_ragged:,} of "
                f"{num_rows + self._num_ragged:,} lines have too few or too many: are delimiter and quoting right?"
            )

    def _as_type(self, name: str, values: pa.Array) -> pa.Array:
        kind = self._types[name]
        if kind == pa.null():
            return pa.nulls(len(values))
        if values.type == kind != pa.string():
            return self._file.cleaning.typed(values)
        if name in self._payload:
            return composed_texts(values) if kind == pa.string() and not self._settled else as_type(values, kind)
        if not self._settled and kind == pa.string():
            return self._file.cleaning.texts(composed_texts(values))
        return self._file.cleaning.column(values, kind)

    def _types_of(self, batch: pa.RecordBatch) -> dict[str, pa.DataType]:
        cleaning = self._file.cleaning
        return {
            name: type_of_texts(values) if name in self._payload else cleaning.type_of_texts(values)
            for name, values in zip(self._names, batch.columns, strict=True)
        }

    def _first_types(self) -> tuple[dict[str, pa.DataType], tuple[str, ...]]:
        """Types of the first rows, and the columns that hold numbers and texts there."""
        batches: list[pa.RecordBatch] = []
        for batch in self._file.iter_batches():
            batches.append(batch)
            if len(batches) == _FIRST_BATCHES or sum(held.num_rows for held in batches) >= _FIRST_ROWS:
                break
        if not batches:
            return dict.fromkeys(self._names, pa.null()), ()
        rows = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
        types = self._types_of(rows)
        texts = [(name, rows.column(number)) for number, name in enumerate(self._names) if types[name] == pa.string()]
        return types, tuple(name for name, values in texts if _is_mixed(values))

    def _typed_batches(self, ragged: list[int]) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._file.iter_typed_batches(self._types, ragged)
        except ValueError as error:
            if not isinstance(error.__cause__, pa.ArrowInvalid):
                raise
            self.settle()
            raise TypesWidened(
                f"{self.uri} holds values that its first rows do not foretell ({error.__cause__}); begin again"
            ) from error

    def _settled_batches(self, ragged: list[int]) -> Iterator[pa.RecordBatch]:
        rows: list[RaggedRow] = []
        yield from self._file.iter_batches(rows)
        ragged += [row.num_lines for row in rows]


def _recognised_file(uri: str, spec: TableSpec, repairs: Sequence[Repair]) -> tuple[TableFile, tuple[str, ...]]:
    """The file without reading more than its beginning, where that is UTF-8."""
    if spec.encoding is not None or not _begins_in_utf8(uri):
        file = table_file(uri, spec, repairs)
        return file, file.inferred
    try:
        file = table_file(uri, replace(spec, encoding="utf-8"), repairs)
    except ValueError as error:
        if not isinstance(error.__cause__, UnicodeDecodeError):
            raise
        file = table_file(uri, spec, repairs)
        return file, file.inferred
    return file, (f"{PurePosixPath(uri).name} is read as utf-8", *file.inferred)


def _begins_in_utf8(uri: str) -> bool:
    with readable(uri), opened(uri, unpack=True) as stream:
        head = stream.read(_HEAD_BYTES)
    if b"\x00" in head:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _is_mixed(values: pa.Array) -> bool:
    share = pc.mean(pc.match_substring_regex(values, pattern=_LOOKS_LIKE_NUMBER).cast(pa.int8())).as_py()
    return 0.5 <= share < 1.0


def _is_number(kind: pa.DataType) -> bool:
    return kind in (pa.int64(), pa.float64())


def _widened(names: Sequence[str], found: Sequence[dict[str, pa.DataType | None]]) -> dict[str, pa.DataType]:
    widest = widest_types(found)
    nowhere = {name for name in names if all(types[name] == pa.null() for types in found)}
    return {name: pa.null() if name in nowhere else widest[name] or pa.string() for name in names}
