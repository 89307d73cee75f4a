"""Releases of a model: where they lie, and which there are.

    MODEL_ROOT/NAME/VERSION/   a bundle; it never changes
    MODEL_ROOT/NAME/champion   the pointer to the one that is in use; see `components.shared.contracts.champion`

`MODEL_ROOT` is a folder, an fsspec URI, or a place on the volume claim that steps mount, `pvc://CLAIM/PATH`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
import re
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from components.shared.contracts.bundle import CONFIG_FILE
from components.shared.contracts.bundle_fetch import published_version
from components.shared.contracts.release_check import is_version
from components.shared.runtime.errors import ContractError
from components.shared.runtime.model_name import check_model_name
from components.shared.runtime.workspace import mounted
from components.shared.tables.sources import readable_store_errors

# Of an InferenceService: which release it is, for people and, by KServe's logger, for the collector.
VERSION_ANNOTATION = "pluszero-mlops/model-version"
_RELEASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MAX_NAMED = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelReleases:
    """Where the releases of one model lie; made by `open_releases`.

    Attributes
    ----------
    uri
        Their folder: an absolute path, or a URI.
    filesystem, folder
        The same for fsspec: the file system, and the path in it.
    is_local
        Whether that is a folder of this machine.
    """

    model_root: str
    model_name: str
    uri: str
    filesystem: Any
    folder: str
    is_local: bool

    def uri_of(self, name: str) -> str:
        """Path or URI of a release, or of the champion pointer."""
        return f"{self.uri}/{name}"

    def storage_uri_of(self, version: str) -> str:
        """The URI by which KServe's storage initialiser finds a release."""
        if "://" in self.model_root:
            return f"{self.model_root.rstrip('/')}/{self.model_name}/{version}"
        return f"file://{self.uri_of(version)}"


def open_releases(model_root: str, model_name: str) -> ModelReleases:
    """Say where the releases of a model lie, whether there are any or not.

    Parameters
    ----------
    model_root
        A folder, an fsspec URI such as `s3://bucket/models`, or `pvc://CLAIM/models` where the claim is mounted.
    model_name
        The model's name; see `check_model_name`.

    Raises
    ------
    ValueError
        If the name or the root cannot be used.
    """
    check_model_name(model_name)
    if not model_root.strip():
        raise ValueError("model_root must be a folder or a URI such as s3://bucket/models, got nothing")
    try:
        filesystem, root = fsspec.core.url_to_fs(mounted(model_root))
    except (ValueError, ImportError) as error:
        raise ValueError(f"model_root {model_root} must have a protocol that can be written: {error}") from error
    is_local = isinstance(filesystem, LocalFileSystem)
    folder = str(Path(root).resolve() / model_name) if is_local else f"{root.rstrip('/')}/{model_name}"
    return ModelReleases(
        model_root=model_root,
        model_name=model_name,
        uri=folder if is_local else f"{model_root.rstrip('/')}/{model_name}",
        filesystem=filesystem,
        folder=folder,
        is_local=is_local,
    )


def release_versions(releases: ModelReleases) -> tuple[str, ...]:
    """Versions of the model that are published, in order of their names.

    Raises
    ------
    FileNotFoundError
        If there is no model of that name; the names that there are follow.
    ValueError
        If the store cannot be read.
    """
    filesystem, folder = releases.filesystem, releases.folder
    with readable_store_errors(f"the releases at {releases.uri} must be a folder that can be read"):
        filesystem.invalidate_cache()
        versions = [
            name for name in _folders(filesystem, folder) if filesystem.isfile(f"{folder}/{name}/{CONFIG_FILE}")
        ]
        others = [] if versions else _folders(filesystem, folder.rpartition("/")[0])
    if not versions:
        raise FileNotFoundError(
            f"model_root {releases.model_root} must hold releases of {releases.model_name}, but there are none; "
            f"it holds {_listed(name for name in others if name != releases.model_name)}"
        )
    return tuple(versions)


def unfinished_versions(releases: ModelReleases) -> tuple[str, ...]:
    """Folders called as a version that lack the bundle's config: their upload did not end, or goes on.

    A store's error is raised as it is.
    """
    filesystem, folder = releases.filesystem, releases.folder
    filesystem.invalidate_cache()
    names = filter(is_version, _folders(filesystem, folder))
    return tuple(name for name in names if not filesystem.isfile(f"{folder}/{name}/{CONFIG_FILE}"))


def check_release(releases: ModelReleases, version: str) -> None:
    """Check that a release is there, and that its folder has the name of the bundle that it holds.

    Raises
    ------
    FileNotFoundError
        If there is no model of that name.
    ValueError
        If there is no such version; the versions that there are follow.
    ContractError
        If the folder holds another version, or its bundle cannot be read.
    """
    known = release_versions(releases)
    if version not in known:
        raise ValueError(
            f"version must be a release of {releases.model_name}, which are {_listed(known)}, got {version!r}"
        )
    found = published_version(releases.uri_of(version))
    if found != version:
        raise ContractError(
            f"the release {releases.uri_of(version)} must hold the bundle of version {version}, but it holds version "
            f"{found}: it was renamed or changed; publish that bundle again"
        )


def is_release_name(value: object) -> bool:
    """Whether a value can be the name of a release's folder: one path component that is not hidden."""
    return isinstance(value, str) and _RELEASE_NAME.fullmatch(value) is not None


def _folders(filesystem: Any, path: str) -> list[str]:
    """Names of the folders at a path, without hidden ones: those are being written."""
    if not filesystem.isdir(path):
        return []
    found = [entry["name"] for entry in filesystem.ls(path, detail=True) if entry["type"] == "directory"]
    return sorted(filter(is_release_name, (name.rstrip("/").rpartition("/")[2] for name in found)))


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
    return (", ".join(found[:_MAX_NAMED]) or "none") + more
