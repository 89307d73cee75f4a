"""The access log: a JSON object a line for every request, without anything of what it held."""

from collections import deque
from collections.abc import Mapping
import contextlib
import logging
import sys
import threading
from typing import Any, BinaryIO

import orjson

logger = logging.getLogger(__name__)

_FLUSH_S = 0.2
_FLUSH_BYTES = 64 * 1024


class AccessLog:
    """Writes lines in a thread of its own, some at a time.

    Lines are lost where the process is killed, or the stream cannot be written, which is logged once.
    """

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = stream or sys.stdout.buffer
        self._lines: deque[bytes] = deque()  # one thread adds, another takes
        self._num_bytes = 0
        self._has_failed = False
        self._wake, self._closed = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
        self._thread.start()

    def write(self, fields: Mapping[str, Any]) -> None:
        """Add a line; from the event loop's thread."""
        line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
        self._lines.append(line)
        self._num_bytes += len(line)
        if self._num_bytes > _FLUSH_BYTES:
            self._wake.set()

    def close(self) -> None:
        """Write what is left."""
        self._closed = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(_FLUSH_S)
            self._wake.clear()
            self._flush()
        self._flush()

    def _flush(self) -> None:
        lines = []
        self._num_bytes = 0
        with contextlib.suppress(IndexError):
            while True:
                lines.append(self._lines.popleft())
        if not lines:
            return
        try:
            self._stream.write(b"".join(lines))
            self._stream.flush()
        except (OSError, ValueError) as error:  # a full disk, or nobody reads any more: answering goes on
            if not self._has_failed:
                logger.warning("the access log could not be written: %s", error)
            self._has_failed = True
