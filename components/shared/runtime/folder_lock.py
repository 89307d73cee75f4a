"""A lock on a folder that ends with the process that holds it."""

from collections.abc import Iterator
import contextlib
import fcntl
import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def folder_lock(path: str | Path) -> Iterator[bool]:
    """Hold a folder against other processes that ask for the same lock; wait until it is free.

    The folder is made where it is missing; nothing is written into it. NFS locks no folders, but files that may be
    written: there an empty file beside the folder is held, `.NAME.lock`, which stays.

    Yields
    ------
    bool
        Whether it is held. Some network file systems have no locks at all: there the block runs without one, and a
        warning says so.
    """
    Path(path).mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDONLY)
    try:
        if _is_taken(handle, Path(path)):
            yield True
            return
    finally:
        os.close(handle)
    with _beside(Path(path)) as is_held:
        yield is_held


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[bool]:
    """Hold the file beside a folder."""
    try:
        handle = os.open(path.parent / f".{path.name}.lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        warn_of_no_lock(path)
        yield False
        return
    try:
        is_held = _is_taken(handle, path)
        if not is_held:
            warn_of_no_lock(path)
        yield is_held
    finally:
        os.close(handle)


def warn_of_no_lock(path: str | Path) -> None:
    """Say that nothing keeps a second process off a folder."""
    logger.warning(
        "the file system of %s has no locks: two runs that write there at once may spoil what the other wrote; mount "
        "it with locks (NFS: without nolock or local_lock), or let runs write one after another",
        path,
    )


def _is_taken(handle: int, path: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.info("another process works on %s: waiting for it", path)
    except OSError:
        return False
    else:
        return True
    fcntl.flock(handle, fcntl.LOCK_EX)
    return True
