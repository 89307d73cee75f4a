"""The one way to open a Parquet file of any size."""

import contextlib

import pyarrow.parquet as pq

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
