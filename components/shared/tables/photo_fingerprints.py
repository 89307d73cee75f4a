"""The fingerprint of the photos that a table names: a cache must see that one of them has changed."""

from collections.abc import Sequence
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from components.shared.runtime.fingerprints import fingerprint_files, fingerprint_json, fingerprint_source
from components.shared.tables.photo_places import named_photos, PhotoPlaces
from components.shared.tables.photo_tables import photo_column, stores_images
from components.shared.tables.repair_spec import Repair
from components.shared.tables.table_recognition import table_file
from components.shared.tables.table_spec import TableSpec


def photos_fingerprint(
    source: str, spec: TableSpec, *, image: str | None, modality: str | None, repairs: Sequence[Repair] = ()
) -> str | None:
    """Fingerprint of the photos that the table at `source` names.

    Parameters
    ----------
    image, modality, repairs
        What the problem file says: the column of photos, what the source holds, how its columns are repaired.

    Returns
    -------
    str | None
        None where the table names no photos, or is none: what is wrong with it is said when it is read.
    """
    try:
        file = table_file(source, spec, repairs)
        column = photo_column(file, told=image, is_image=modality == "image")
    except (OSError, ValueError):
        return None
    if column is None or stores_images(file, column):
        return None
    folder, path = fsspec.core.url_to_fs(source.rpartition("/")[0] or ".")
    is_local = isinstance(folder, LocalFileSystem)
    root = path if is_local else source.rpartition("/")[0]
    found = named_photos(file, column, PhotoPlaces(root=root, is_local=is_local))
    here = {name: Path(root, place) for name, place in found.items() if is_local and "://" not in place}
    away = {name: place if "://" in place else f"{root}/{place}" for name, place in found.items() if name not in here}
    versions = {name: _remote_version(uri) for name, uri in away.items()}
    return fingerprint_json([fingerprint_files(item for item in here.items() if item[1].is_file()), versions])


def _remote_version(uri: str) -> str:
    try:
        return fingerprint_source(uri)
    except OSError as error:
        return f"unreadable {error.errno}"
