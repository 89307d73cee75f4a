"""Counters in a memory-mapped file: what they held outlives the process, however it ends.

`received` is counted before a record is kept anywhere; `repeated` are records that were stored before. So whatever a
killed process had received, and neither stored nor counted as lost, is known by the next one that opens the file: lost,
for it was in memory alone.
"""

from collections.abc import Mapping
import mmap
import os
from pathlib import Path
import struct
import threading

LOSSES = ("queue_full", "no_space", "unreadable", "killed", "closed")
NAMES = ("received", "stored", "repeated", "rows_stored", *(f"lost_{reason}" for reason in LOSSES))
_MARK = b"PZC1"
_SIZE = 4096
_FIRST = 8


class RecordCounters:
    """Counts by name, of `NAMES`, in a file; safe to use from several threads of one process.

    A file of another kind, or a damaged one, starts anew.
    """

    def __init__(self, path: str | Path) -> None:
        is_known = _is_counters(Path(path))
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not is_known:
            # Written, not only made longer: a hole that a full disk cannot fill would end the process.
            os.pwrite(self._file, (_MARK + struct.pack("<I", len(NAMES))).ljust(_SIZE, b"\0"), 0)
            os.ftruncate(self._file, _SIZE)
        self._map = mmap.mmap(self._file, _SIZE)
        self._shared = memoryview(self._map)[_FIRST : _FIRST + 8 * len(NAMES)].cast("q")
        self._numbers: memoryview | list[int] = self._shared
        self._places = {name: place for place, name in enumerate(NAMES)}
        self._lock = threading.Lock()

    @property
    def file(self) -> int:
        """The open file, to lock it."""
        return self._file

    def add(self, name: str, count: int = 1) -> None:
        """Count."""
        with self._lock:
            self._numbers[self._places[name]] += count

    def raise_to(self, name: str, least: int) -> None:
        """Set a count that lies below `least` to it."""
        with self._lock:
            place = self._places[name]
            self._numbers[place] = max(self._numbers[place], least)

    def values(self) -> dict[str, int]:
        """All counts by name, and `lost`, their sum over the reasons."""
        with self._lock:
            found = dict(zip(NAMES, self._numbers, strict=True))
        return {**found, "lost": lost_of(found)}

    def settle(self) -> int:
        """Count as lost what was received and is nowhere; returns how many. For a file that no process fills."""
        found = self.values()
        missing = found["received"] - found["stored"] - found["repeated"] - found["lost"]
        if missing > 0:
            self.add("lost_killed", missing)
        return max(missing, 0)

    def close(self) -> None:
        """Give the file back, and with it the lock on it; what is counted afterwards is in memory alone."""
        with self._lock:
            self._numbers = self._shared.tolist()
            self._shared.release()
        self._map.flush()
        self._map.close()
        os.close(self._file)


def lost_of(counts: Mapping[str, int]) -> int:
    """Sum over the reasons."""
    return sum(counts[f"lost_{reason}"] for reason in LOSSES)


def _is_counters(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size != _SIZE:
        return False
    with open(path, "rb") as file:
        return file.read(_FIRST) == _MARK + struct.pack("<I", len(NAMES))
