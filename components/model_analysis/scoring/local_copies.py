"""What is scored, and the model, as local files: what a URI names is fetched first."""

from pathlib import Path

import fsspec

from components.shared.contracts.bundle_fetch import fetch_bundle
from components.shared.runtime.workspace import mounted
from components.shared.tables.sources import check_source, readable_store_errors


def local_source(source: str, folder: Path) -> str:
    """The path of the data at a path, a `pvc://` or an fsspec URI; what is elsewhere is copied to `folder`.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `source`.
    ValueError
        If its store cannot be read.
    """
    path = mounted(source)
    if "://" not in path:
        return path
    check_source(source)
    with readable_store_errors(f"the data to score, {source}, must be something that can be read"):
        filesystem, root = fsspec.core.url_to_fs(source)
        target = folder / root.rstrip("/").rpartition("/")[2]
        if filesystem.isdir(root):
            filesystem.get(f"{root.rstrip('/')}/", f"{target}/", recursive=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            filesystem.get_file(root, str(target))
    return str(target)


def local_bundle(model: str, folder: Path) -> Path:
    """The folder of a bundle at a path, a `pvc://` or an fsspec URI; errors as those of `fetch_bundle`."""
    path = mounted(model)
    if "://" not in path:
        return Path(path)
    fetch_bundle(path, folder)
    return folder
