"""Reads what is new in a pod's log by polling.

A stream would have to be opened anew whenever a proxy closes it or the kubelet rotates the file, and would need a
thread a node. Polling loses nothing: the kubelet stamps every line.
"""

import math
import time

# Between the pods' clocks and ours; lines that are read twice are known by their stamp.
_SLACK_S = 10
_FIRST_LINES = 2000


class PodLog:
    """What was read of one pod's log, so that it is not read again."""

    def __init__(self) -> None:
        self._asked_at = 0.0
        self._read_at: float | None = None
        self._stamp = ""
        self._num_at_stamp = 0

    def window(self) -> dict[str, int]:
        """What to ask of the API: the last lines at first, then what came since the last answer."""
        self._asked_at = time.monotonic()
        if self._read_at is None:
            return {"tail_lines": _FIRST_LINES}
        return {"since_seconds": math.ceil(self._asked_at - self._read_at) + _SLACK_S}

    def new_lines(self, text: str) -> list[str]:
        """Lines that no earlier call returned, of the part of the log that `window` asked for, without time stamps.

        A stamp is RFC 3339 with nine decimals. Of a line that was overwritten, as progress bars do, the last state
        counts.
        """
        self._read_at = self._asked_at
        stamped = [line.partition(" ") for line in text.split("\n") if line]
        fresh = [(stamp, line) for stamp, _, line in stamped if stamp >= self._stamp]
        # A burst may have one stamp: of those lines some were there before.
        num_known = self._num_at_stamp if fresh and fresh[0][0] == self._stamp else 0
        if fresh:
            self._stamp = fresh[-1][0]
            self._num_at_stamp = sum(stamp == self._stamp for stamp, _ in fresh)
        return [_as_shown(line) for _, line in fresh[num_known:]]


def _as_shown(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]
