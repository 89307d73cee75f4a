"""The collector's journal: events are durable here before they are acknowledged, all that wait by one fsync.

What was acknowledged is known again by its key, across restarts, so that an event that is sent twice is stored once.
"""

from collections import OrderedDict
from concurrent.futures import Future
import json
from pathlib import Path
import queue
import threading
import time

from components.serving.collector.halves import Half
from components.shared.serving_log.compaction import frame_of, opened_frame
from components.shared.serving_log.segments import read_frames, SegmentWriter
from components.shared.serving_log.spool import Spool

KEY_BYTES = 17
_MOST_AT_ONCE = 512
_WAKE_S = 0.2


class JournalFullError(Exception):
    """No more events can be taken for now; the message says why."""


class Journal:
    """Appends events to segments; safe to use from several threads.

    Parameters
    ----------
    spool
        Where the segments are, and the counters.
    seen
        Keys of events that were stored before.
    segment_bytes, segment_age_s
        When a segment ends.
    spool_bytes
        What segments may hold together before no more is taken.
    max_keys
        How many keys are remembered, the latest.
    """

    def __init__(
        self,
        spool: Spool,
        seen: list[bytes],
        *,
        segment_bytes: int = 32 << 20,
        segment_age_s: float = 30.0,
        spool_bytes: int = 4 << 30,
        max_keys: int = 500_000,
    ) -> None:
        self._spool = spool
        self._counters = spool.counters
        self._bounds = (segment_bytes, segment_age_s, spool_bytes, max_keys)
        self._seen: OrderedDict[bytes, None] = OrderedDict.fromkeys(seen)
        self._pending: dict[bytes, Future[bool]] = {}
        self._lock = threading.Lock()
        self._waiting: queue.Queue[tuple[bytes, memoryview, int, Future[bool]] | None] = queue.Queue(4096)
        self._segment: SegmentWriter | None = None
        self._since = 0.0
        self.ended: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="collector-journal", daemon=True)
        self._thread.start()

    def known(self, key: bytes) -> Future[bool] | None:
        """The future of an event that is here already or on its way; None for a new one."""
        with self._lock:
            return _done() if key in self._seen else self._pending.get(key)

    def submit(self, key: bytes, half: Half) -> tuple[Future[bool], bool]:
        """Take an event; returns a future that is done when the disk has it, and whether no other delivery was first.

        Raises
        ------
        JournalFullError
            If too many wait.
        """
        frame = frame_of(half.rows, half.info, half.notes)
        with self._lock:
            if key in self._seen or key in self._pending:
                return self._pending.get(key) or _done(), False
            future: Future[bool] = Future()
            try:
                self._waiting.put_nowait((key, frame, half.rows.num_rows, future))
            except queue.Full as error:
                raise JournalFullError("too many events wait for the disk") from error
            self._pending[key] = future
            return future, True

    def keys(self) -> list[bytes]:
        """Keys of the stored events, the latest last."""
        with self._lock:
            return list(self._seen)

    def close(self) -> None:
        """Store what waits, and end the segment."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            taken, is_last = self._taken()
            if taken:
                self._store(taken)
            segment_bytes, segment_age_s, _, _ = self._bounds
            if self._segment is not None:
                is_old = time.monotonic() - self._since >= segment_age_s
                if is_last or is_old or self._segment.num_bytes >= segment_bytes:
                    self._end_segment()
            if is_last:
                return

    def _taken(self) -> tuple[list[tuple[bytes, memoryview, int, Future[bool]]], bool]:
        taken: list[tuple[bytes, memoryview, int, Future[bool]]] = []
        try:
            found = self._waiting.get(timeout=_WAKE_S)
            while found is not None:
                taken.append(found)
                if len(taken) == _MOST_AT_ONCE:
                    return taken, False
                found = self._waiting.get_nowait()
        except queue.Empty:
            return taken, False
        return taken, True

    def _store(self, taken: list[tuple[bytes, memoryview, int, Future[bool]]]) -> None:
        counts = self._counters.values()
        rows = sum(num_rows for _, _, num_rows, _ in taken)
        after = {"stored": counts["stored"] + len(taken), "rows_stored": counts["rows_stored"] + rows}
        try:
            if self._segment is None:
                if self._spool.num_bytes() > self._bounds[2]:
                    raise OSError(f"more than {self._bounds[2]} bytes wait for the log")
                self._segment = self._spool.new_segment()
                self._since = time.monotonic()
            self._segment.append(*(frame for _, frame, _, _ in taken), json.dumps(after).encode())
        except OSError as error:
            self._settle(taken, JournalFullError(error.strerror or str(error)))
            return
        for name, count in (("stored", len(taken)), ("rows_stored", rows)):
            self._counters.add(name, count)
        self._settle(taken, None)

    def _settle(self, taken: list[tuple[bytes, memoryview, int, Future[bool]]], error: Exception | None) -> None:
        with self._lock:
            for key, _, _, _ in taken:
                del self._pending[key]
                if error is None:
                    self._seen[key] = None
            while len(self._seen) > self._bounds[3]:
                self._seen.popitem(last=False)
        for _, _, _, future in taken:
            if error is None:
                future.set_result(True)
            else:
                future.set_exception(error)

    def _end_segment(self) -> None:
        assert self._segment is not None
        self._segment.close()
        self.ended.put(self._segment.path)
        self._segment = None


def frames_of(segment: str | Path) -> list[bytes]:
    """Frames of events in a segment of a journal."""
    return [frame for frame in read_frames(segment) if not _is_counts(frame)]


def settle_counters(spool: Spool) -> int:
    """Bring the counters of an ended process to what its journal holds; returns how many events were lost with it."""
    for segment in spool.segments():
        after: dict[str, int] = {}
        uncounted: list[bytes] = []  # the process was killed before it could count them
        for frame in read_frames(segment):
            if _is_counts(frame):
                after, uncounted = dict(json.loads(frame)), []
            else:
                uncounted.append(frame)
        found = spool.counters.values() | after
        rows = sum(opened_frame(frame)[0].num_rows for frame in uncounted)
        spool.counters.raise_to("stored", found["stored"] + len(uncounted))
        spool.counters.raise_to("rows_stored", found["rows_stored"] + rows)
    return spool.counters.settle()


def _is_counts(frame: bytes) -> bool:
    return frame[:1] == b"{"


def _done() -> Future[bool]:
    future: Future[bool] = Future()
    future.set_result(True)
    return future
