"""The index of a feature store, which names its files, and the link, an index that names a store elsewhere."""

from pathlib import Path
from typing import Any

from components.shared.contracts.format_version import check_format_version
from components.shared.runtime.atomic_files import read_json, write_json
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_file

FORMAT_VERSION = 6
CONTRACT = "feature_store"
INDEX = "feature_store.json"

_REMEDY = "mount the volume that it lies on, or run build_feature_store again without the cache"


def write_index(folder: Path, content: dict[str, Any]) -> None:
    """Write the index of a store or a link."""
    write_json(folder / INDEX, {"contract": CONTRACT, "format_version": FORMAT_VERSION, **content})


def read_index(path: Path) -> dict[str, Any]:
    """Read an index of any version, its keys as the newest version has them; a link has `folder` alone.

    `FileNotFoundError` if there is none; `ContractError` if it is not a feature store's, or of an unknown version.
    """
    index = read_json(path / INDEX, what="the feature store's index")
    found = index.get("contract") if isinstance(index, dict) else type(index).__name__
    if found != CONTRACT:
        raise ContractError(f"{path} must be a feature store, got {found!r}")
    version = check_format_version(index.get("format_version"), newest=FORMAT_VERSION, contract=CONTRACT, where=path)
    if version < 3 and "image_shape" in index:
        inputs = {"image": {"dtype": "uint8", "shape": index["image_shape"]}}
        index = {**index, "modality": "image", "inputs": inputs, "feature_files": {}}
    if version < 5 and "folder" not in index:
        index = {**index, "task": "classification"}
    return dict(index)


def link_store(path: str | Path, folder: str | Path) -> None:
    """Write a link to a store elsewhere.

    Parameters
    ----------
    path
        The link's folder, written.
    folder
        The store's folder, absolute.

    Raises
    ------
    ValueError
        If `folder` is not absolute.
    FileNotFoundError
        If there is no finished store in `folder`.
    """
    if not Path(folder).is_absolute():
        raise ValueError(f"a link must name the feature store by an absolute path, got {str(folder)!r}")
    index = Path(folder) / INDEX
    if not index.is_file():
        raise FileNotFoundError(f"the feature store's index must be a JSON file, but there is no file at {index}")
    digest = fingerprint_file(index)
    Path(path).mkdir(parents=True, exist_ok=True)
    write_index(Path(path), {"folder": str(folder), "index": digest})


def followed_link(path: Path, link: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """Folder and index of the store behind a link; the link comes with an artifact, so its content is not trusted.

    `FileNotFoundError` if the store is not there; `ContractError` if the link names no absolute folder, another store
    than when it was made, or a link.
    """
    folder = Path(str(link["folder"]))
    if not folder.is_absolute() or ".." in folder.parts:
        raise ContractError(f"the link at {path} must name an absolute folder, got {link['folder']!r}")
    if not (folder / INDEX).is_file():
        raise FileNotFoundError(f"the feature store that {path} names must be at {folder}, but is not: {_REMEDY}")
    if fingerprint_file(folder / INDEX) != link.get("index"):
        raise ContractError(
            f"the feature store at {folder} must be the one that {path} names, but is another: {_REMEDY}"
        )
    index = read_index(folder)
    if "folder" in index:
        raise ContractError(f"the feature store at {folder} must hold examples, but is a link itself")
    return folder, index
