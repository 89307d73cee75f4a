"""A folder that results go to, local or in an object store, where another try finds what the last one left."""

from contextlib import AbstractContextManager
from pathlib import Path
import shutil

import fsspec

from components.shared.tables.sources import readable_store_errors


class OutputFolder:
    """A local folder, or a URI with a local folder in its stead until `store` puts something there.

    Parameters
    ----------
    uri
        A path, or an fsspec URI such as s3://bucket/scores.
    scratch
        An empty local folder, used where `uri` is not local.
    """

    def __init__(self, uri: str, scratch: Path) -> None:
        self.uri = uri.rstrip("/") if "://" in uri else uri
        self._is_local = "://" not in uri
        self.local = Path(uri) if self._is_local else scratch
        self.local.mkdir(parents=True, exist_ok=True)

    def fetch(self, name: str) -> None:
        """Bring a folder of it here, where there is one; ValueError if the store cannot be read."""
        if self._is_local:
            return
        with self._readable():
            filesystem, root = fsspec.core.url_to_fs(self.uri)
            if filesystem.isdir(f"{root}/{name}"):
                filesystem.get(f"{root}/{name}/", f"{self.local / name}/", recursive=True)

    def store(self, name: str) -> None:
        """Put a file or folder of it there; ValueError if the store cannot be written."""
        if self._is_local:
            return
        with self._readable():
            filesystem, root = fsspec.core.url_to_fs(self.uri)
            for file in sorted(_files(self.local / name), reverse=True):
                filesystem.makedirs(f"{root}/{file.parent.relative_to(self.local).as_posix()}", exist_ok=True)
                filesystem.put_file(str(file), f"{root}/{file.relative_to(self.local).as_posix()}")

    def remove(self, name: str) -> None:
        """Remove a file or folder of it, where it is, here and there."""
        path = self.local / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        if self._is_local:
            return
        with self._readable():
            filesystem, root = fsspec.core.url_to_fs(self.uri)
            if filesystem.exists(f"{root}/{name}"):
                filesystem.rm(f"{root}/{name}", recursive=True)

    def where(self, name: str) -> str:
        """What people call a file or folder of it."""
        return f"{self.uri}/{name}"

    def _readable(self) -> AbstractContextManager[None]:
        return readable_store_errors(f"the output {self.uri} must be a folder that can be read and written")


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
