"""The spool: a folder of one writing process, where records are durable before they become parts of the log.

    _spool/NAME/counters               what was received, stored and lost; locked as long as its process lives
    _spool/NAME/00000001-....segment   frames that are not in the log yet

A process takes over the spool of one that ended, with its counters and segments; of several, it empties the others into
the log and folds their counters into its own.
"""

from collections.abc import Iterator
import fcntl
import logging
import os
from pathlib import Path
import shutil
from typing import Self
import uuid

from components.shared.serving_log.record_counters import NAMES, RecordCounters
from components.shared.serving_log.segments import SegmentWriter

logger = logging.getLogger(__name__)

SPOOL_FOLDER = "_spool"
_COUNTERS, _SEGMENT = "counters", ".segment"


class Spool:
    """One process's own folder of segments, with its counters; made by `Spool.open`."""

    def __init__(self, folder: Path, counters: RecordCounters) -> None:
        self.folder = folder
        self.counters = counters

    @classmethod
    def open(cls, base: str | Path) -> tuple[Self, list[Self]]:
        """A spool below `base`, and further ones that no process holds any more: to be emptied and folded.

        Raises
        ------
        OSError
            If the folder cannot be written.
        """
        Path(base).mkdir(parents=True, exist_ok=True)
        left = list(cls._left_ones(Path(base)))
        if left:
            return left[0], left[1:]
        folder = Path(base) / uuid.uuid4().hex[:12]
        folder.mkdir()
        made = cls(folder, RecordCounters(folder / _COUNTERS))
        if not _is_locked(made.counters):
            logger.warning("%s cannot be locked: what a killed server leaves there is not taken over", folder)
        return made, []

    @classmethod
    def _left_ones(cls, base: Path) -> Iterator[Self]:
        for folder in sorted(base.iterdir()):
            if not (folder / _COUNTERS).is_file():
                continue
            counters = RecordCounters(folder / _COUNTERS)
            if _is_locked(counters):
                yield cls(folder, counters)
            else:
                counters.close()

    def segments(self) -> list[Path]:
        """Its segments, the oldest first."""
        return sorted(self.folder.glob(f"*{_SEGMENT}"))

    def num_bytes(self) -> int:
        """Bytes of its segments."""
        with os.scandir(self.folder) as entries:
            return sum(entry.stat().st_size for entry in entries if entry.name.endswith(_SEGMENT))

    def new_segment(self) -> SegmentWriter:
        """The next segment; OSError if the disk is full."""
        last = max((int(path.stem.partition("-")[0]) for path in self.segments()), default=0)
        # Numbers come again when a segment is gone, names never: a part is called as its segment.
        return SegmentWriter(self.folder / f"{last + 1:08}-{uuid.uuid4().hex[:16]}{_SEGMENT}")

    def fold_into(self, other: "Spool") -> None:
        """Add the counters to another spool's, and remove the folder, which is empty of segments."""
        for name in NAMES:
            other.counters.add(name, self.counters.values()[name])
        self.close()
        shutil.rmtree(self.folder)

    def close(self) -> None:
        """Give the counters' file back, and with it the lock."""
        self.counters.close()


def _is_locked(counters: RecordCounters) -> bool:
    try:
        fcntl.flock(counters.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
