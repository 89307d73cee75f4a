"""Opening a table to be examined: delimited text, Parquet or an example table, each recognised."""

from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

import fsspec

from components.data_validation.tables.parquet_source import parquet_table
from components.data_validation.tables.table_source import TableSource
from components.data_validation.tables.text_source import TextTable
from components.shared.tables.repair_spec import Repair
from components.shared.tables.sources import readable_store_errors
from components.shared.tables.table_spec import TableSpec
from components.shared.tables.value_cleaning import value_cleaning_of

_PARQUET_SUFFIXES = (".parquet", ".pq")
_ANY_SPEC = TableSpec()


def open_table(
    uri: str, *, spec: TableSpec = _ANY_SPEC, repairs: Sequence[Repair] = (), payload: Collection[str] = ()
) -> TableSource:
    """Open a table at a local path or an fsspec URI; only a text's beginning or Parquet's metadata is read.

    It is a CSV or TSV file or one of JSON lines, packed or not, recognised where `spec` does not say more; a Parquet
    file; a folder of Parquet files, also in partitions such as `date=2026-01-31`, which become columns; or an example
    table. Columns are repaired and values cleaned as `spec` says, as ingestion does, but for the columns of `payload`
    (texts as they stand) and for an example table, whose columns are so already.
    `FileNotFoundError` if there is nothing at `uri`, or a folder without Parquet files; `ValueError` if it cannot be
    read as a table; `ContractError` if an example table is damaged or of a newer version.
    """
    if not uri.strip():
        raise ValueError("the table must be a path or a URI, got nothing")
    with readable_store_errors(f"the table {uri} must be something that can be read"):
        filesystem, path = fsspec.core.url_to_fs(uri)
        exists, is_folder = filesystem.exists(path), filesystem.isdir(path)
    if not exists:
        raise FileNotFoundError(f"the table must be a file or a folder, but there is nothing at {uri}")
    if is_folder or _is_parquet(uri, spec):
        return parquet_table(uri, cleaning=value_cleaning_of(spec), repairs=repairs, payload=payload)
    return TextTable(uri, spec, payload, repairs)


def _is_parquet(uri: str, spec: TableSpec) -> bool:
    if spec.format is not None:
        return spec.format == "parquet"
    return PurePosixPath(uri).suffix.lower() in _PARQUET_SUFFIXES
