"""Where data come from: a name of a known data set, a local path, or an fsspec URI."""

from pathlib import PurePosixPath

import fsspec

from components.shared.fingerprints import fingerprint_json, fingerprint_source

EMBEDDED_SOURCES = ("digits", "pets")


def check_source(source: str) -> None:
    """Check that a source can be read at all.

    Parameters
    ----------
    source
        `digits`, `pets`, a local path or an fsspec URI.

    Raises
    ------
    ValueError
        If the source is empty or its protocol unknown.
    FileNotFoundError
        If there is nothing there.
    """
    if source in EMBEDDED_SOURCES:
        return
    if not source.strip():
        raise ValueError(f"the data source must be a path, a URI or one of {', '.join(EMBEDDED_SOURCES)}, got nothing")
    try:
        filesystem, path = fsspec.core.url_to_fs(source)
    except (ValueError, ImportError) as error:
        raise ValueError(f"the data source {source} must have a protocol that can be read: {error}") from error
    if not filesystem.exists(path):
        raise FileNotFoundError(
            f"the data source must be one of {', '.join(EMBEDDED_SOURCES)} or something that exists, "
            f"but there is nothing at {source}"
        )


def companion_uri(source: str, name: str) -> str:
    """Where a file lies that the problem file names relative to the source: inside a folder, beside a file.

    Raises
    ------
    ValueError
        If `name` is absolute.
    """
    if PurePosixPath(name).is_absolute() or "://" in name:
        raise ValueError(f"split.test_file must be relative to the data source, got {name}")
    filesystem, path = fsspec.core.url_to_fs(source)
    folder = source.rstrip("/") if filesystem.isdir(path) else source.rpartition("/")[0] or "."
    return f"{folder}/{name}"


def data_fingerprint(source: str, *, test_file: str | None = None) -> str:
    """Fingerprint of all outside data that a run reads; it keeps caches honest.

    Parameters
    ----------
    source
        `digits`, `pets`, a local path or an fsspec URI.
    test_file
        The problem file's predefined test file.

    Returns
    -------
    str
        The name of an embedded source, else 32 hexadecimal characters.

    Raises
    ------
    ValueError, FileNotFoundError
        If the source or the test file cannot be read.
    """
    check_source(source)
    if source in EMBEDDED_SOURCES:
        return source
    if test_file is None:
        return fingerprint_source(source)
    return fingerprint_json([fingerprint_source(source), fingerprint_source(companion_uri(source, test_file))])
