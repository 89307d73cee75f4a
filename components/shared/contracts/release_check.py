"""Releases carry their version in their name: `MODEL_ROOT/NAME/VERSION`."""

from pathlib import Path
import re
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from components.shared.contracts.bundle import CONFIG_FILE
from components.shared.runtime.errors import ContractError

_VERSION = re.compile(r"[0-9a-f]{16}")


def check_release_name(uri: str | Path, version: str) -> None:
    """Check that a folder among releases is called what it holds; a bundle in any other folder may have any name.

    Parameters
    ----------
    uri
        The bundle's folder, a local path or an fsspec URI. It counts as a release where its own name is a version, or
        where it lies beside one; a server's `/mnt/models` and a training's output do not.
    version
        The bundle's version; see `components.shared.contracts.bundle.bundle_version`.

    Raises
    ------
    ContractError
        If the release has another name than its version.
    """
    filesystem, path = fsspec.core.url_to_fs(str(uri))
    if isinstance(filesystem, LocalFileSystem):
        path = str(Path(path).resolve())
    folder, _, name = path.rstrip("/").rpartition("/")
    if name != version and (is_version(name) or _holds_releases(filesystem, folder)):
        raise ContractError(
            f"the release {uri} must be called {version}, which its contents give: it was renamed, or changed after it "
            "was published; publish the model again"
        )


def is_version(name: str) -> bool:
    """Whether a folder's name is one that `bundle_version` gives."""
    return _VERSION.fullmatch(name) is not None


def _holds_releases(filesystem: Any, folder: str) -> bool:
    try:
        names = [str(name).rstrip("/") for name in filesystem.ls(folder, detail=False)]
    except OSError:
        return False
    versions = (name for name in names if is_version(name.rpartition("/")[2]))
    return any(filesystem.isfile(f"{name}/{CONFIG_FILE}") for name in versions)
