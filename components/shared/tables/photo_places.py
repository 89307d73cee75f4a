"""Where the photos lie that a table names: below the table's folder, or at URIs of their own."""

from collections.abc import Mapping
import contextlib
from dataclasses import dataclass
import os
from pathlib import Path
import posixpath
import unicodedata

import pyarrow as pa

from components.shared.tables.column_types import as_type
from components.shared.tables.photo_file_names import readable_name
from components.shared.tables.table_files import TableFile
from components.shared.tables.table_rows import iter_rows

_BATCH_ROWS = 16384
ABSENT = "there is no such file"


class UnusablePathError(ValueError):
    """A path that names no photo that may be read; the message is the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoPlaces:
    """The folder that a table's paths are relative to.

    Attributes
    ----------
    root
        A local folder's absolute path, or an fsspec URI.
    is_local
        Whether `root` is a local folder.
    listed
        `{readable name: location}` of the files below the folder, both relative to it; None where they were not listed.
    """

    root: str
    is_local: bool
    listed: Mapping[str, str] | None = None

    def place(self, path: str) -> tuple[str, str]:
        """Readable name and location of a photo: relative to the folder, else a URI.

        Raises
        ------
        UnusablePathError
            If the path leads out of the folder, or there is no such file in it.
        """
        path = path.removeprefix("file://")
        if "://" in path and not path.startswith(f"{self.root.rstrip('/')}/"):
            return shown_uri(path), path
        relative = self._relative(path)
        name = readable_name(relative)
        if self.listed is not None:
            if name not in self.listed:
                raise UnusablePathError(ABSENT)
            return name, self.listed[name]
        return name, self._spelled(relative) if self.is_local else relative

    def _relative(self, path: str) -> str:
        if "\\" in path and not self._is_file(path):
            path = path.replace("\\", "/")
        for root in {self.root, os.path.realpath(self.root)} if self.is_local else {self.root}:
            path = path.removeprefix(f"{root.rstrip('/')}/")
        if path.startswith("/"):
            raise UnusablePathError("it lies outside the table's folder: name it relative to that folder, or by a URI")
        relative = posixpath.normpath(path)
        if relative == ".." or relative.startswith("../"):
            raise UnusablePathError("its path leads out of the table's folder")
        return relative

    def _spelled(self, relative: str) -> str:
        """A path as the disk spells it: names from a Mac are decomposed."""
        for spelling in (relative, *(unicodedata.normalize(form, relative) for form in ("NFC", "NFD"))):
            if self._is_file(spelling):
                return spelling
        raise UnusablePathError(ABSENT)

    def _is_file(self, relative: str) -> bool:
        return self.is_local and os.path.lexists(Path(self.root, relative))


def named_photos(file: TableFile, column: str, places: PhotoPlaces) -> dict[str, str]:
    """`{readable name: location}` of the photos that a table's column of paths names and that may be read."""
    found = {}
    for rows in iter_rows(file, [column], batch_rows=_BATCH_ROWS, ragged=[]):
        for path in as_type(rows[column], pa.string()).drop_null().unique().to_pylist():
            with contextlib.suppress(UnusablePathError):
                name, location = places.place(path.strip())
                found[name] = location
    return found


def shown_uri(uri: str) -> str:
    """A URI as it may be shown: without user, password, and the query, which may hold a signature; a path as it is."""
    if "://" not in uri:
        return uri
    protocol, _, rest = uri.partition("://")
    authority, slash, path = rest.partition("/")
    path = path.partition("?")[0] if protocol.startswith("http") else path
    return f"{protocol}://{authority.rpartition('@')[2]}{slash}{path}"
