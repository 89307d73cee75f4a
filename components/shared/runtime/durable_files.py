"""Files that the disk has before anybody relies on them: they outlive a machine that stops at once."""

import errno
import os
from pathlib import Path

from components.shared.runtime.atomic_files import atomic_file

# How network file systems say that they know no such thing for a folder.
_NOT_KNOWN = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)


def write_durably(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all, and wait until the disk has it; OSError where it cannot be written."""
    with atomic_file(path) as part, open(part, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(Path(path).parent)


def sync_folder(path: str | Path) -> None:
    """Wait until the disk has the names of a folder's files; nothing where the file system knows no such thing."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NOT_KNOWN:
            raise
    finally:
        os.close(handle)


def sync_tree(path: str | Path) -> None:
    """Wait until the disk has a folder with all that it holds."""
    for folder, _, names in os.walk(path):
        for name in names:
            with open(Path(folder) / name, "rb") as file:
                os.fsync(file.fileno())
        sync_folder(folder)
