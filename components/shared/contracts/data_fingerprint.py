"""The fingerprint of all outside data that a run reads, for cache keys."""

import fsspec

from components.shared.contracts.problem import Problem
from components.shared.runtime.fingerprints import fingerprint_json, fingerprint_source
from components.shared.tables.photo_fingerprints import photos_fingerprint
from components.shared.tables.sources import (
    check_source,
    companion_file,
    companion_uri,
    EMBEDDED_SOURCES,
    readable_store_errors,
)

_ALL_INFERRED = Problem()


def data_fingerprint(source: str, problem: Problem = _ALL_INFERRED) -> str:
    """Fingerprint of all outside data that a run reads.

    Parameters
    ----------
    source
        `digits`, `pets`, a local path or an fsspec URI.
    problem
        Says whether there is a test file or a table to split like, and how a table of photos is read: the photos that
        it names are covered too.

    Returns
    -------
    str
        The name of an embedded source, else 32 hexadecimal characters.

    Raises
    ------
    ValueError, FileNotFoundError
        If one of them cannot be read.
    """
    check_source(source)
    contents = [source if source in EMBEDDED_SOURCES else fingerprint_source(source)]
    if problem.split.test_file is not None:
        contents.append(fingerprint_source(companion_file(source, problem.split.test_file)))
    elif source not in EMBEDDED_SOURCES and problem.modality in (None, "image") and _is_file(source):
        photos = photos_fingerprint(
            source, problem.table, image=problem.image, modality=problem.modality, repairs=problem.repairs
        )
        contents += [] if photos is None else [photos]
    if problem.split.like is not None:
        contents.append(_fingerprint_of_splits(companion_uri(source, problem.split.like)))
    return contents[0] if len(contents) == 1 else fingerprint_json(contents)


def _is_file(source: str) -> bool:
    filesystem, path = fsspec.core.url_to_fs(source)
    return bool(filesystem.isfile(path))


def _fingerprint_of_splits(uri: str) -> str:
    """A bundle's config lists the checksums of its other files: the weights need not be read."""
    with readable_store_errors(f"split.like {uri} must be something that can be read"):
        filesystem, path = fsspec.core.url_to_fs(uri)
        is_bundle = filesystem.isfile(f"{path.rstrip('/')}/config.json")
    return fingerprint_source(f"{uri.rstrip('/')}/config.json" if is_bundle else uri)
