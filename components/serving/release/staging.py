"""Where a release is made before it appears: a folder beside the releases, and what is done with those of the dead.

    MODEL_ROOT/NAME/.publishing-.../writer    locked as long as its writer lives
    MODEL_ROOT/NAME/.publishing-.../bundle/   becomes the release, by a rename

A publish that was killed leaves its folder; the next one removes it. Whether its writer lives is told by the lock,
which ends with the process and needs no clock; by age alone where the file system has no locks, and of what earlier
versions left, which locked nothing.
"""

from collections.abc import Iterator
import contextlib
import fcntl
import logging
import os
from pathlib import Path
import shutil
import tempfile
import time

from components.shared.runtime.folder_lock import folder_lock

logger = logging.getLogger(__name__)

_PREFIX, _OLD_PREFIX = ".publishing-", ".staging-"
_LOCK_FILE = "writer"
# No publish writes for so long without a new file.
LEFT_AFTER_S = 24 * 3600.0


@contextlib.contextmanager
def staging_beside(folder: str | Path) -> Iterator[Path]:
    """A new folder beside the releases in `folder`, removed when the block ends; first, what the dead left goes.

    The releases' folder is held while folders are made and removed: none is seen before it is locked.
    """
    with folder_lock(folder) as is_held:
        _sweep(Path(folder), is_held=is_held)
        staging = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        lock = os.open(staging / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(OSError):  # no locks here: its age tells
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield staging
    finally:
        os.close(lock)  # first: NFS keeps an open file under another name
        shutil.rmtree(staging, ignore_errors=True)


def _sweep(folder: Path, *, is_held: bool) -> None:
    """Remove what dead writers left; `is_held`: nobody else is about to make such a folder, or promotes."""
    for staging in folder.glob(f"{_PREFIX}*"):
        if _is_left(staging / _LOCK_FILE, is_held=is_held):
            _remove(staging)
    for staging in folder.glob(f"{_OLD_PREFIX}*"):
        if _is_old(staging):
            _remove(staging)
    for pointer in folder.glob(".champion.*.part") if is_held else ():
        pointer.unlink(missing_ok=True)


def _is_left(lock_file: Path, *, is_held: bool) -> bool:
    try:
        lock = os.open(lock_file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return is_held or _is_old(lock_file.parent)
    except OSError:  # another user's
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return _is_old(lock_file.parent)
    else:
        return True
    finally:
        os.close(lock)


def _is_old(folder: Path) -> bool:
    """Whether nothing was written below a folder for a day."""
    times = []
    for path in (folder, *folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # its writer goes on
            times.append(path.stat().st_mtime)
    return bool(times) and time.time() - max(times) > LEFT_AFTER_S


def _remove(staging: Path) -> None:
    logger.info("removing %s, which a publish that did not end left", staging)
    shutil.rmtree(staging, ignore_errors=True)
