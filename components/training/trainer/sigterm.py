"""Handling SIGTERM within a block."""

from collections.abc import Callable, Iterator
import contextlib
import signal
import threading
from types import FrameType
from typing import Any


@contextlib.contextmanager
def handling_sigterm(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Within the block SIGTERM calls `handler`; outside the main thread, which alone gets signals, nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)
