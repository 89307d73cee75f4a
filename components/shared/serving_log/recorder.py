"""The server's side of the log: requests are offered, and written off the request path.

An offered request waits in a bounded queue; one thread makes rows of what waits, and appends them to a segment, which
the disk has before they count as stored; another turns full segments into parts of the log. A request that finds no
room is lost, and counted: `received = stored + lost + waiting`, always.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
import logging
from pathlib import Path
import threading
import time

from components.shared.serving_log.compaction import Compactor, frame_of, recovered_counts
from components.shared.serving_log.payload_policy import PayloadPolicy
from components.shared.serving_log.removal import Retention
from components.shared.serving_log.segments import SegmentWriter
from components.shared.serving_log.served_request import ServedModel, ServedRequest
from components.shared.serving_log.served_rows import Measure, RowMaker
from components.shared.serving_log.spool import Spool
from components.shared.serving_log.spool_place import spool_place

logger = logging.getLogger(__name__)

_BATCH_REQUESTS = 2048
_WAKE_S = 0.5
_AGAIN_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RecorderLimits:
    """Bounds of what a recorder holds.

    Attributes
    ----------
    queue_requests, queue_bytes
        What may wait in memory: requests, and about how many bytes.
    gather_s
        How long requests are gathered before they are written together.
    segment_bytes, segment_age_s
        When a segment becomes a part of the log.
    spool_bytes
        What may wait on disk where the log cannot be written.
    retention_days
        Hours of the log that ended longer ago are deleted; None keeps all.
    """

    queue_requests: int = 8192
    queue_bytes: int = 64 << 20
    gather_s: float = 0.1
    segment_bytes: int = 32 << 20
    segment_age_s: float = 60.0
    spool_bytes: int = 1 << 30
    retention_days: float | None = None


class RequestRecorder:
    """Records what a server answers; safe to use from several threads.

    Parameters
    ----------
    log
        The log's folder: a local path or an fsspec URI.
    model
        Who answers.
    policy
        How much of the inputs is kept.
    measure
        What is derived of photos; see `RowMaker`.
    limits
        Bounds.
    spool
        Folder where records wait before they are in the log; `_spool` in a local log, and a folder of this machine's
        temporary files for one at a URI, by default.

    Raises
    ------
    OSError
        If the spool cannot be written when it is opened.
    ValueError
        If the log's URI cannot be used.
    """

    def __init__(
        self,
        log: str,
        model: ServedModel,
        *,
        policy: PayloadPolicy | None = None,
        measure: Measure | None = None,
        limits: RecorderLimits | None = None,
        spool: str | Path | None = None,
    ) -> None:
        self._limits = limits or RecorderLimits()
        self._maker = RowMaker(model, policy or PayloadPolicy(), measure=measure)
        self._compactor = Compactor(str(log))
        self._retention = Retention(str(log), self._limits.retention_days)
        self._spool, self._orphans = Spool.open(spool or spool_place(str(log)))
        self._counters = self._spool.counters
        _settle(self._spool)
        self._queue: deque[ServedRequest] = deque()
        self._queued_bytes = 0
        self._ready = threading.Condition()
        self._is_closing = self._is_written = False
        self._segment: SegmentWriter | None = None
        self._segment_since = 0.0
        self._ended = deque(self._spool.segments())
        self._has_ended = threading.Event()
        self._num_failures = 0
        self._threads = [
            threading.Thread(target=self._write, name="serving-log-writer", daemon=True),
            threading.Thread(target=self._compact, name="serving-log-compactor", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def offer(self, request: ServedRequest) -> bool:
        """Take a request, without waiting for anything; False where there is no room, and it is lost."""
        self._counters.add("received")
        size = request.num_bytes
        with self._ready:
            limits = self._limits
            if self._is_closing:
                reason = "lost_closed"
            elif len(self._queue) >= limits.queue_requests or self._queued_bytes + size > limits.queue_bytes:
                reason = "lost_queue_full"
            else:
                self._queue.append(request)
                self._queued_bytes += size
                self._ready.notify()
                return True
        self._counters.add(reason)
        return False

    def counters(self) -> dict[str, int]:
        """What was received, stored and lost, by reason, since the spool was made; and `waiting`.

        Over restarts, too: what a killed process had received and not stored is in `lost_killed`. Of this process
        alone: `failed_parts`, how often the log could not be written, and `deleted_parts`, of the log for their age.
        """
        found = self._counters.values()
        waiting = max(found["received"] - found["stored"] - found["lost"], 0)
        of_parts = {"failed_parts": self._num_failures, "deleted_parts": self._retention.num_deleted}
        return {**found, "waiting": waiting, **of_parts}

    def close(self, timeout_s: float = 10.0) -> bool:
        """Write what waits, and bring it into the log; what comes afterwards is lost.

        Returns
        -------
        bool
            Whether all was done in time. What is not in the log then is durable, and the next process brings it in.
        """
        with self._ready:
            if self._is_closing:
                return True
            self._is_closing = True
            self._ready.notify_all()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.0))
        if any(thread.is_alive() for thread in self._threads):
            return False
        self._spool.close()
        return not self._spool.segments()

    def _write(self) -> None:
        while True:
            requests = self._taken()
            if requests:
                self._store(requests)
            if self._segment is not None and (self._is_due() or (self._is_closing and not requests)):
                self._end_segment()
            if self._is_closing and not requests:
                self._is_written = True
                self._has_ended.set()
                return

    def _taken(self) -> list[ServedRequest]:
        """What waits, at most a batch; empty after a while without any."""
        with self._ready:
            if not self._queue and not self._is_closing:
                self._ready.wait(_WAKE_S)
            is_alone = bool(self._queue) and not self._is_closing
        if is_alone and self._limits.gather_s:
            time.sleep(self._limits.gather_s)
        with self._ready:
            taken = [self._queue.popleft() for _ in range(min(len(self._queue), _BATCH_REQUESTS))]
            self._queued_bytes -= sum(request.num_bytes for request in taken)
        return taken

    def _store(self, requests: Sequence[ServedRequest]) -> None:
        counts = self._counters.values()
        try:
            rows = self._maker.rows(requests)
            stored = {"stored": counts["stored"] + len(requests), "rows_stored": counts["rows_stored"] + rows.num_rows}
            frame = frame_of(rows, self._maker.info(rows.schema.names), stored)
        except Exception as error:  # whatever a request holds: the thread must outlive it
            if len(requests) > 1:
                for request in requests:
                    self._store([request])
                return
            logger.warning("a request could not be logged: %s", type(error).__name__)
            self._counters.add("lost_unreadable")
            return
        try:
            self._opened_segment().append(frame)
        except OSError as error:
            self._counters.add("lost_no_space", len(requests))
            logger.warning("%d requests could not be logged: %s", len(requests), error.strerror or error)
            return
        self._counters.add("stored", len(requests))
        self._counters.add("rows_stored", rows.num_rows)

    def _opened_segment(self) -> SegmentWriter:
        if self._segment is None:
            if self._spool.num_bytes() > self._limits.spool_bytes:
                raise OSError(f"more than {self._limits.spool_bytes} bytes wait in {self._spool.folder}")
            self._segment = self._spool.new_segment()
            self._segment_since = time.monotonic()
        return self._segment

    def _is_due(self) -> bool:
        assert self._segment is not None
        is_old = time.monotonic() - self._segment_since >= self._limits.segment_age_s
        return is_old or self._segment.num_bytes >= self._limits.segment_bytes

    def _end_segment(self) -> None:
        assert self._segment is not None
        self._segment.close()
        self._ended.append(self._segment.path)
        self._segment = None
        self._has_ended.set()

    def _compact(self) -> None:
        for orphan in self._orphans:
            _settle(orphan)
            if all(self._compacted(segment) for segment in orphan.segments()):
                orphan.fold_into(self._spool)
        while True:
            is_last = self._is_written
            while self._ended and self._compacted(self._ended[0]):
                self._ended.popleft()
            if is_last:
                return
            self._without_old_days()
            self._has_ended.wait(_AGAIN_S if self._ended else _WAKE_S)
            self._has_ended.clear()

    def _compacted(self, segment: Path) -> bool:
        try:
            self._compactor.compact(segment)
        except Exception as error:  # a store's driver raises what it likes, and the thread must outlive that
            self._num_failures += 1
            logger.warning("the serving log could not be written, and is tried again: %s", error)
            return False
        return True

    def _without_old_days(self) -> None:
        try:
            self._retention.keep()
        except Exception as error:  # as above
            logger.warning("old days of the serving log could not be deleted, and are tried again: %s", error)


def _settle(spool: Spool) -> None:
    """Bring the counters of an ended process to what is there: stored is what its segments hold, the rest is lost."""
    for name, count in recovered_counts(spool.segments()).items():
        spool.counters.raise_to(name, count)
    missing = spool.counters.settle()
    if missing:
        logger.warning("%d requests were lost when the server before this one was killed", missing)
