"""The one way to open a Parquet file of any size, and to read what its columns are."""

import contextlib

import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.tables.file_kinds import PARQUET_MARK, refuse_other_kinds
from components.shared.tables.opening import check_num_columns, opened, readable

with contextlib.suppress(ImportError):
    # Before 14.0.1 pyarrow ran code that a Parquet file contained (CVE-2023-47248); this stops it.
    import pyarrow_hotfix  # noqa: F401


def parquet_file(source: object) -> pq.ParquetFile:
    """Open a Parquet file (a path, or a binary file) so that streaming its batches holds one row group, not the file.

    By default pyarrow reads ahead the requested columns of all row groups, and so the whole file.

    Raises
    ------
    OSError, pyarrow.ArrowInvalid
        If it cannot be read, or is not a Parquet file.
    """
    return pq.ParquetFile(source, pre_buffer=False)


def stored_schema(uri: str) -> pa.Schema:
    """Columns of a Parquet file as it stores them.

    Raises
    ------
    ValueError
        If it is no Parquet file, or too wide.
    """
    with readable(uri), opened(uri, unpack=False) as stream:
        refuse_other_kinds(stream, uri, but=PARQUET_MARK)
        schema = parquet_file(stream).schema_arrow
    check_num_columns(len(schema), uri=uri)
    return schema
