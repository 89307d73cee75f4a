"""Data sources: the name of a known data set, a local path, or an fsspec URI."""

from collections.abc import Iterator
import contextlib
from pathlib import Path, PurePosixPath

import fsspec

from components.shared.runtime.workspace import mounted

EMBEDDED_SOURCES = ("digits", "pets")
_OBJECT_STORES = ("s3://", "s3a://", "gs://", "gcs://", "abfs://", "az://")


@contextlib.contextmanager
def readable_store_errors(sentence: str) -> Iterator[None]:
    """Turn any error of a store's client inside the block into a `ValueError` of one sentence.

    Each store has its own errors (no credentials, no bucket, no driver), and this is the one place where they are
    caught. `sentence` says what must hold; the client's words follow it.
    """
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{sentence}: {reason}; are path, credentials and driver right?") from error


def check_source(source: str) -> None:
    """Check that a source (`digits`, `pets`, a local path or an fsspec URI) can be read at all.

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
    with readable_store_errors(f"the data source {source} must be something that can be read"):
        filesystem, path = fsspec.core.url_to_fs(source)
        found = filesystem.exists(path)
    if not found:
        raise FileNotFoundError(
            f"the data source must be one of {', '.join(EMBEDDED_SOURCES)} or something that exists, "
            f"but there is nothing at {source}"
        )


def check_folder(uri: str, *, what: str) -> None:
    """Check that there is a folder at a local path or an fsspec URI.

    Parameters
    ----------
    what
        What should be there, for the error: "the model bundle".

    Raises
    ------
    ValueError
        If `uri` is empty, or the store cannot be read.
    FileNotFoundError
        If there is no folder.
    """
    if not uri.strip():
        raise ValueError(f"{what} must be a path or a URI, got nothing")
    with readable_store_errors(f"{what} {uri} must be something that can be read"):
        filesystem, path = fsspec.core.url_to_fs(uri)
        found = filesystem.isdir(path)
    if not found:
        raise FileNotFoundError(f"{what} must be a folder, but there is none at {uri}")


def companion_uri(source: str, name: str) -> str:
    """Path or URI of what the problem file names: relative to the source, absolute, or a URI."""
    if PurePosixPath(name).is_absolute() or "://" in name:
        return name
    filesystem, path = fsspec.core.url_to_fs(source)
    folder = source.rstrip("/") if filesystem.isdir(path) else source.rpartition("/")[0] or "."
    return f"{folder}/{name}"


def companion_file(source: str, name: str) -> str:
    """Path or URI of a file that the problem file names; see `companion_uri`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    uri = companion_uri(source, name)
    filesystem, path = fsspec.core.url_to_fs(uri)
    if not filesystem.isfile(path):
        raise FileNotFoundError(f"split.test_file must be a file beside the data source, but there is none at {uri}")
    return uri


def local_copy(uri: str, folder: str | Path, *, what: str) -> Path:
    """The local path of what is at a path, a `pvc://` or an fsspec URI; what is elsewhere is copied to `folder`.

    Parameters
    ----------
    what
        What should be there, for errors: "the labels".

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    ValueError
        If `uri` is empty, or its store cannot be read.
    """
    if not uri.strip():
        raise ValueError(f"{what} must be at a path or a URI, got nothing")
    place = mounted(uri.strip())
    with readable_store_errors(f"{what} at {uri} must be something that can be read"):
        filesystem, root = fsspec.core.url_to_fs(place)
        is_there, is_folder = filesystem.exists(root), filesystem.isdir(root)
    if not is_there:
        raise FileNotFoundError(f"{what} must be at a path or a URI, but there is nothing at {uri}")
    if "://" not in place:
        return Path(place)
    target = Path(folder) / root.rstrip("/").rpartition("/")[2]
    with readable_store_errors(f"{what} at {uri} must be something that can be read"):
        if is_folder:
            filesystem.get(f"{root.rstrip('/')}/", f"{target}/", recursive=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            filesystem.get_file(root, str(target))
    return target


def check_writable(name: str, uri: str, *, below: str = "") -> None:
    """Check that a folder at a path or an fsspec URI can be written, by a small file in it or in `below` it.

    `ValueError` if not; `name` is the parameter's, for the error.
    """
    if not uri.strip():
        raise ValueError(f"{name} must be a folder or a URI, got nothing")
    with readable_store_errors(f"{name} must be a folder or a URI that can be written, but {uri} cannot"):
        filesystem, root = fsspec.core.url_to_fs(uri)
        path = f"{root.rstrip('/')}/{below}".rstrip("/")
        # Object stores have no folders; asked for one, their clients make a bucket where there is none.
        if not uri.startswith(_OBJECT_STORES):
            filesystem.makedirs(path, exist_ok=True)
        probe = f"{path}/.writable"
        filesystem.pipe_file(probe, b"")
        filesystem.rm_file(probe)
