"""Fetches a published model bundle, or some of its files, from a local path or an fsspec URI."""

from collections.abc import Sequence
from pathlib import Path
import tempfile
from typing import Any

import fsspec

from components.shared.contracts.bundle import bundle_version, CONFIG_FILE, file_listing, file_record
from components.shared.runtime.errors import ContractError
from components.shared.tables.sources import readable_store_errors


def fetch_files(uri: str, target: str | Path, names: Sequence[str]) -> None:
    """Copy a bundle's config and those of its files that are named to the folder `target`.

    Raises
    ------
    FileNotFoundError
        If there is no bundle at `uri`, or it lacks one of the files.
    ContractError
        If the bundle is of a newer version, or a file differs from its entry in the list.
    ValueError
        If the store cannot be read.
    """
    folder = Path(target)
    with readable_store_errors(f"the model bundle {uri} must be a folder that can be read"):
        filesystem, root = fsspec.core.url_to_fs(uri)
        found = filesystem.isfile(f"{root}/{CONFIG_FILE}")
    if not found:
        raise FileNotFoundError(f"a model bundle must be a folder with {CONFIG_FILE}, but there is none at {uri}")
    _copy(filesystem, root, CONFIG_FILE, folder)
    listing = file_listing(folder)
    for name in names:
        if name not in listing:
            raise FileNotFoundError(f"the model bundle at {uri} must hold {name}; it holds {', '.join(listing)}")
        _copy(filesystem, root, name, folder)
        if file_record(folder / name) != listing[name]:
            raise ContractError(
                f"{uri}/{name} must have the size and SHA-256 that {CONFIG_FILE} lists: it is truncated or changed"
            )


def fetch_bundle(uri: str, target: str | Path) -> None:
    """Copy a whole bundle; see `fetch_files`."""
    fetch_files(uri, target, [])
    fetch_files(uri, target, list(file_listing(target)))


def published_version(uri: str) -> str:
    """Version of a bundle at a local path or fsspec URI; see `components.shared.contracts.bundle.bundle_version`."""
    with tempfile.TemporaryDirectory() as scratch:
        fetch_files(uri, scratch, [])
        return bundle_version(scratch)


def _copy(filesystem: Any, root: str, name: str, folder: Path) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    with readable_store_errors(f"the bundle's file {root}/{name} must be readable"):
        (folder / name).write_bytes(filesystem.cat_file(f"{root}/{name}"))
