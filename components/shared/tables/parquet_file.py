"""One way to open a Parquet file of any size."""

import contextlib

import pyarrow.parquet as pq

with contextlib.suppress(ImportError):
    # Before 14.0.1 pyarrow ran code that a Parquet file brought along (CVE-2023-47248); this stops it.
    import pyarrow_hotfix  # noqa: F401


def parquet_file(source: object) -> pq.ParquetFile:
    """Open a Parquet file so that streaming its batches holds one row group, not the file.

    pyarrow's own default reads the columns of all row groups that are asked for ahead, and so a whole file.

    Parameters
    ----------
    source
        A path, or a file opened for reading bytes.

    Raises
    ------
    OSError, pyarrow.ArrowInvalid
        If it cannot be read, or is no Parquet file.
    """
    return pq.ParquetFile(source, pre_buffer=False)
