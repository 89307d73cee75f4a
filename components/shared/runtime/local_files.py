"""The files of a local folder in a fixed order; links are followed, but never in a circle. Second names of files."""

from collections.abc import Iterator
import os
from pathlib import Path
import shutil


def local_files(root: str | Path) -> Iterator[tuple[str, Path]]:
    """Walk a folder and everything below it.

    Yields
    ------
    tuple
        Name relative to `root` with forward slashes, and path, ordered by name within each folder. Files are yielded,
        also broken links and special ones, and so are empty folders and links that lead back to a folder above them.
        Other linked folders are entered.

    Raises
    ------
    OSError
        If a folder may not be read.
    """
    yield from _walk(Path(root), "", (os.path.realpath(root),))


def linked_file(source: Path, target: Path) -> None:
    """The same file under another name, or a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _walk(folder: Path, prefix: str, above: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if _is_folder(entry) and not _is_empty(entry.path) and (real := os.path.realpath(entry.path)) not in above:
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", (*above, real))
        else:
            yield prefix + entry.name, Path(entry.path)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_empty(folder: str) -> bool:
    with os.scandir(folder) as entries:
        return next(entries, None) is None
