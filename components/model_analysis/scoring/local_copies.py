"""What is scored, and the model, as local files: what a URI names is fetched first."""

from pathlib import Path

from components.shared.contracts.bundle_fetch import fetch_bundle
from components.shared.runtime.workspace import mounted
from components.shared.tables.sources import check_source, local_copy


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
    return str(local_copy(path, folder, what="the data to score"))


def local_bundle(model: str, folder: Path) -> Path:
    """The folder of a bundle at a path, a `pvc://` or an fsspec URI; errors as those of `fetch_bundle`."""
    path = mounted(model)
    if "://" not in path:
        return Path(path)
    fetch_bundle(path, folder)
    return folder
