"""The collector: takes events, makes them durable, and brings them into the log, with all its threads."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
import logging
from pathlib import Path
import queue
import threading

from components.serving.collector.cloud_events import LoggedEvent
from components.serving.collector.collection import Collection, log_of_service, services_of
from components.serving.collector.halves import HalfMaker
from components.serving.collector.journal import Journal, JournalFullError, settle_counters
from components.shared.contracts.bundle import BundleConfig
from components.shared.runtime.cores import available_cores
from components.shared.serving_log.payload_policy import PayloadPolicy
from components.shared.serving_log.removal import Retention
from components.shared.serving_log.spool import Spool
from components.shared.serving_log.spool_place import spool_place
from components.shared.serving_log.time_window import check_kept_days

logger = logging.getLogger(__name__)

_WAKE_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CollectorConfig:
    """Where the log is, how much it keeps, and of which models.

    Attributes
    ----------
    log
        Folder of the logs, one a service by its name: a local path or an fsspec URI.
    policy
        How much of the inputs is kept.
    models
        Bundles' configs by the name of their InferenceService; see `HalfMaker`.
    spool
        Folder for what is not in the log yet; None for the log's own, see `spool_place`.
    segment_age_s
        How long events are gathered before they are brought into the log.
    pair_wait_s
        How long a request waits for its answer, and the other way round.
    retention_days
        Hours of the log that ended longer ago are deleted; None keeps all.
    """

    log: str
    policy: PayloadPolicy = field(default_factory=PayloadPolicy)
    models: Mapping[str, BundleConfig] = field(default_factory=dict)
    spool: Path | None = None
    segment_age_s: float = 30.0
    pair_wait_s: float = 60.0
    retention_days: float | None = None


class Collector:
    """Takes events from one process; another that is killed before leaves its spool to this one.

    Raises
    ------
    ValueError
        If another collector has the spool.
    OSError
        If the spool cannot be written.
    """

    def __init__(self, config: CollectorConfig) -> None:
        self._log, self._retention_days = config.log, config.retention_days
        self._retentions: dict[str, Retention] = {}
        check_kept_days(config.retention_days)
        base = config.spool or spool_place(config.log)
        spool, others = Spool.open(base / "collector")
        for other in others:
            other.close()
        if len([path for path in (base / "collector").iterdir() if path.is_dir()]) > 1:
            spool.close()
            raise ValueError(f"one collector alone must write a log, but another one has {base}: stop it first")
        self._spool = spool
        lost = settle_counters(spool)
        if lost:
            logger.warning("%d events were not stored, nor acknowledged, when the collector before was killed", lost)
        self._halves = HalfMaker(config.policy, config.models)
        self._collection = Collection(config.log, spool, config.policy, pair_wait_s=config.pair_wait_s)
        left = spool.segments()
        self._journal = Journal(spool, self._collection.stored_keys(left), segment_age_s=config.segment_age_s)
        for segment in left:
            self._journal.ended.put(segment)
        self._readers = ThreadPoolExecutor(available_cores(), thread_name_prefix="collector-reader")
        self._is_closing = threading.Event()
        self._num_failures = 0
        self._num_passed_over = 0
        self._thread = threading.Thread(target=self._collect, name="collector-log", daemon=True)
        self._thread.start()

    async def take(self, event: LoggedEvent) -> bool:
        """Take an event; returns when the disk has it: True, or False where it is of no prediction and is passed over.

        Raises
        ------
        ValueError
            If its body is none of a request or an answer.
        JournalFullError
            If it cannot be stored for now.
        """
        if not event.is_of_a_prediction:
            self._num_passed_over += 1
            return False
        self._spool.counters.add("received")
        known = self._journal.known(event.key)
        if known is not None:
            await self._counted(known, repeated=True)
            return True
        try:
            half = await asyncio.get_running_loop().run_in_executor(self._readers, self._halves.half, event)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            self._spool.counters.add("lost_unreadable")
            raise ValueError(str(error)) from error
        try:
            future, is_new = self._journal.submit(event.key, half)
        except JournalFullError:
            self._spool.counters.add("lost_queue_full")
            raise
        await self._counted(future, repeated=not is_new)
        return True

    def counters(self) -> dict[str, int]:
        """Events received, stored, repeated and lost, since the spool was made; see `RecordCounters`.

        `alone`: halves that were written without the other; `passed_over`: events of no prediction, which are not
        counted as received; `failed_parts`: how often the log could not be written; `deleted_parts`: of the logs, for
        their age.
        """
        found = self._spool.counters.values()
        num_deleted = sum(retention.num_deleted for retention in tuple(self._retentions.values()))
        return {
            **found,
            "alone": self._collection.num_alone,
            "passed_over": self._num_passed_over,
            "failed_parts": self._num_failures,
            "deleted_parts": num_deleted,
        }

    def close(self) -> None:
        """Store what was taken, and bring it into the log."""
        self._journal.close()
        self._is_closing.set()
        self._thread.join()
        self._readers.shutdown()
        self._spool.close()

    async def _counted(self, future: "asyncio.Future[bool] | object", *, repeated: bool) -> None:
        try:
            await asyncio.shield(asyncio.wrap_future(future))  # type: ignore[arg-type]  # of concurrent.futures
        except JournalFullError:
            self._spool.counters.add("lost_no_space")
            raise
        if repeated:
            self._spool.counters.add("repeated")

    def _collect(self) -> None:
        waiting: list[Path] = []
        while True:
            is_last = self._is_closing.is_set()
            try:
                waiting.append(self._journal.ended.get(timeout=0.01 if is_last else _WAKE_S))
                continue
            except queue.Empty:
                pass
            while waiting and self._collected(waiting[0]):
                waiting.pop(0)
            if self._collection.has_old_halves() and not waiting:
                self._collected(None)
            if is_last:
                return
            self._without_old_days()

    def _collected(self, segment: Path | None) -> bool:
        try:
            self._collection.collect(segment, self._journal.keys())
        except Exception as error:  # a store's driver raises what it likes, and the thread must outlive that
            self._num_failures += 1
            logger.warning("the log could not be written, and is tried again: %s", error)
            return False
        return True

    def _without_old_days(self) -> None:
        if self._retention_days is None:
            return
        try:
            for name in services_of(self._log):
                place = log_of_service(self._log, name)
                self._retentions.setdefault(name, Retention(place, self._retention_days)).keep()
        except Exception as error:  # as above
            logger.warning("old days of the log could not be deleted, and are tried again: %s", error)
