"""Parquet as a table to be examined: one file, a folder of them (also in time partitions), or an example table."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
import unicodedata
from urllib.parse import unquote

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.data_validation.tables.examined_types import as_examined, examined_type, TIME, widest_examined
from components.data_validation.tables.table_source import (
    check_value_lengths,
    Piece,
    shortened,
    TablePart,
    TableSource,
)
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo
from components.shared.tables.column_types import type_of_texts
from components.shared.tables.file_kinds import PARQUET_MARK, refuse_other_kinds
from components.shared.tables.opening import check_num_columns, opened, readable
from components.shared.tables.parquet_file import parquet_file
from components.shared.tables.personal_columns import kept_columns
from components.shared.tables.repair_spec import Repair, repaired_names, repairs_of, source_name
from components.shared.tables.repairs import repaired, repaired_type
from components.shared.tables.value_cleaning import KEPT_AS_THEY_ARE, ValueCleaning

_SUFFIXES = (".parquet", ".pq")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """One Parquet file of a table.

    Attributes
    ----------
    names, types
        Stored name of each column, and its type once it is repaired, by its name then (NFC, trimmed).
    partition
        Values that its folders give (`date=2026-01-31`), null for none.
    """

    uri: str
    names: Mapping[str, str]
    types: Mapping[str, pa.DataType]
    group_rows: tuple[int, ...]
    partition: Mapping[str, str | None]


class ParquetTable(TableSource):
    """Parquet files, at least one and in the order of their rows, that make one table; see `TableSource`.

    Values are `cleaned` but for the columns of `payload`, and those of an example table, which are clean. `kept` are
    columns whose personal data stay as they are.
    """

    def __init__(
        self,
        uri: str,
        files: Sequence[StoredFile],
        *,
        info: ExampleTableInfo | None = None,
        cleaning: ValueCleaning = KEPT_AS_THEY_ARE,
        repairs: Sequence[Repair] = (),
        payload: Collection[str] = (),
        kept: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(uri, info=info, kept=kept)
        self._files = tuple(files)
        self._cleaning = cleaning if info is None else None
        self._repairs = tuple(repairs)
        self._payload = frozenset(payload)

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of all files; those of folders come last."""
        names = dict.fromkeys(name for file in self._files for name in file.types)
        return pa.schema([*((name, self._type_of(name)) for name in names), *self._partition_types.items()])

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return sum(sum(file.group_rows) for file in self._files)

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """Columns that are not examined, and those that the files disagree on."""
        remarks = []
        left_out = [field.name for field in self.schema if examined_type(field.type) is None]
        if left_out:
            remarks.append(f"not examined, since a row holds no single value there: {shortened(left_out)}")
        for name in self.schema.names:
            types = {file.types[name] for file in self._files if name in file.types}
            if self.schema.field(name).type == pa.string() and len({examined_type(kind) for kind in types}) > 1:
                remarks.append(f"{name!r} is read as text: the files of {self.name} store it in several types")
            num_without = sum(name not in file.types and name not in file.partition for file in self._files)
            if num_without:
                remarks.append(f"{name!r} is in {len(self._files) - num_without} of {len(self._files)} files only")
        return tuple(remarks)

    def parts(self, num_parts: int) -> list[TablePart]:
        """Runs of whole row groups."""
        groups = [(i, k, rows) for i, file in enumerate(self._files) for k, rows in enumerate(file.group_rows) if rows]
        target = max(1, -(-self.num_rows // max(1, num_parts)))
        runs: list[list[tuple[int, int, int]]] = []
        start = 0
        for group in groups:
            number = min(start // target, num_parts - 1)
            runs += [[] for _ in range(number + 1 - len(runs))]
            runs[number].append(group)
            start += group[2]
        return _parts_of([run for run in runs if run]) or [TablePart(num_rows=0)]

    def _batches(self, columns: Sequence[str], part: TablePart | None, batch_rows: int) -> Iterator[pa.RecordBatch]:
        whole = part if part is not None else self.parts(1)[0]
        next_row = whole.start_row + 1
        for piece in whole.pieces:
            for batch in self._piece_batches(piece, columns, batch_rows):
                if self.info is None:
                    check_value_lengths(columns, batch.columns, uri=self.uri, first_row=next_row)
                next_row += batch.num_rows
                yield batch

    def _piece_batches(self, piece: Piece, columns: Sequence[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
        file = self._files[piece.file]
        # A file without any of the columns still tells how many rows it has.
        stored = [file.names[name] for name in columns if name in file.names] or list(file.names.values())[:1]
        with readable(file.uri), opened(file.uri, unpack=False) as stream:
            for batch in parquet_file(stream).iter_batches(
                batch_size=batch_rows, row_groups=list(piece.row_groups), columns=stored
            ):
                arrays = [self._column(batch, file, name) for name in columns]
                yield pa.RecordBatch.from_arrays(arrays, list(columns))

    def _column(self, batch: pa.RecordBatch, file: StoredFile, name: str) -> pa.Array:
        kind = self.schema.field(name).type
        if name in self._partition_types:
            value = pa.array([file.partition.get(name)], pa.string()).cast(kind)
            return pa.repeat(value[0], batch.num_rows)
        if name not in file.names:
            return pa.nulls(batch.num_rows, kind)
        values = self._repaired(batch.column(file.names[name]), name)
        if examined_type(kind) is None:
            return values
        examined = as_examined(values, kind)
        return examined if self._cleaning is None or name in self._payload else self._cleaning.typed(examined)

    def _repaired(self, values: pa.Array, name: str) -> pa.Array:
        own = [repair for repair in repairs_of([name], self._repairs) if repair.changes_values]
        if not own:
            return values
        source = source_name(name, self._repairs)
        return repaired({source: values}, self._repairs, cleaning=self._cleaning or KEPT_AS_THEY_ARE)[name]

    def _type_of(self, name: str) -> pa.DataType:
        stored = {file.types[name] for file in self._files if name in file.types}
        kinds = [kind for kind in map(examined_type, stored) if kind is not None]
        if len(kinds) == len(stored):
            return widest_examined(kinds)
        if len(stored) > 1:
            raise ValueError(
                f"column {name!r} of {self.uri} must have one type in all files, got "
                f"{', '.join(sorted(map(str, stored)))}"
            )
        return stored.pop()

    @cached_property
    def _partition_types(self) -> dict[str, pa.DataType]:
        names = dict.fromkeys(name for file in self._files for name in file.partition)
        stored = {name for file in self._files for name in file.types}
        return {
            name: _partition_type([file.partition.get(name) for file in self._files])
            for name in names
            if name not in stored
        }


def parquet_table(
    uri: str,
    *,
    cleaning: ValueCleaning = KEPT_AS_THEY_ARE,
    repairs: Sequence[Repair] = (),
    payload: Collection[str] = (),
) -> ParquetTable:
    """Open one Parquet file, or a folder of them; a folder that ingestion wrote brings the roles of its columns.

    `repairs` and `cleaning` are done to all columns but those of `payload`, and of an example table.
    `FileNotFoundError` if the folder holds no Parquet file, `ValueError` if a file cannot be read as Parquet,
    `ContractError` if an example table is damaged or of a newer version.
    """
    filesystem, path = fsspec.core.url_to_fs(uri)
    if not filesystem.isdir(path):
        return ParquetTable(uri, [_stored_file(uri, {}, repairs)], cleaning=cleaning, repairs=repairs, payload=payload)
    root = path.rstrip("/")
    inner = sorted(PurePosixPath(found).relative_to(root) for found in filesystem.find(path))
    shown = [name for name in inner if name.suffix in _SUFFIXES and not any(p[0] in "._" for p in name.parts)]
    if not shown:
        raise FileNotFoundError(f"the table must be a folder with .parquet files, but {uri} holds none")
    table = _example_table(uri, [str(name) for name in shown])
    own = repairs if table is None else ()
    files = [_stored_file(f"{uri.rstrip('/')}/{name}", _partition_of(name), own) for name in shown]
    if table is None:
        return ParquetTable(uri, files, cleaning=cleaning, repairs=repairs, payload=payload)
    return ParquetTable(
        uri, files, info=table.info, cleaning=cleaning, payload=payload, kept=kept_columns(table.schema)
    )


def _example_table(uri: str, names: Sequence[str]) -> ExampleTable | None:
    """The example table, its shards checked; None for another folder."""
    if "://" in uri or names[0] != "shard-00000.parquet":
        return None
    metadata = pq.read_schema(f"{uri}/{names[0]}").metadata or {}
    return ExampleTable(uri) if b'"example_table"' in metadata.get(b"pluszero", b"") else None


def _stored_file(uri: str, partition: Mapping[str, str | None], repairs: Sequence[Repair]) -> StoredFile:
    with readable(uri), opened(uri, unpack=False) as stream:
        refuse_other_kinds(stream, uri, but=PARQUET_MARK)
        file = parquet_file(stream)
        schema, metadata = file.schema_arrow, file.metadata
    check_num_columns(len(schema), uri=uri)
    names = {unicodedata.normalize("NFC", name).strip(): name for name in schema.names}
    if len(names) < len(schema.names):
        repeated = next(name for name in schema.names if schema.names.count(name) > 1 or name not in names.values())
        raise ValueError(f"{uri} must not repeat a column's name, but {repeated!r} occurs more than once")
    known_as = repaired_names(list(names), repairs, where=uri)
    return StoredFile(
        uri=uri,
        names=dict(zip(known_as, names.values(), strict=True)),
        types={name: repaired_type(name, kind, repairs) for name, kind in zip(known_as, schema.types, strict=True)},
        group_rows=tuple(metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)),
        partition=partition,
    )


def _partition_of(name: PurePosixPath) -> dict[str, str | None]:
    pairs = [folder.split("=", 1) for folder in name.parts[:-1] if "=" in folder]
    return {key: None if value == _NO_VALUE else unquote(value) for key, value in pairs}


def _partition_type(values: Sequence[str | None]) -> pa.DataType:
    texts = pa.array(values, pa.string())
    days = pc.match_substring_regex(texts, pattern=_DAY)
    return TIME if pc.all(days).as_py() and len(texts.drop_null()) else type_of_texts(texts)


def _parts_of(runs: Sequence[Sequence[tuple[int, int, int]]]) -> list[TablePart]:
    parts: list[TablePart] = []
    start = 0
    for run in runs:
        by_file: dict[int, list[int]] = {}
        for file, group, _ in run:
            by_file.setdefault(file, []).append(group)
        pieces = tuple(Piece(file=file, row_groups=tuple(groups)) for file, groups in by_file.items())
        num_rows = sum(rows for _, _, rows in run)
        parts.append(TablePart(start_row=start, num_rows=num_rows, pieces=pieces))
        start += num_rows
    return parts
