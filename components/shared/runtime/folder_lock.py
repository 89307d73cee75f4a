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

    The folder is made where it is missing; nothing is written into it.

    Yields
    ------
    bool
        Whether it is held. Some network file systems have no such locks: there the block runs without one.
    """
    Path(path).mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDONLY)
    try:
        yield _is_taken(handle, Path(path))
    finally:
        os.close(handle)


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
