"""From the journal to the log: halves find one another, and become parts.

    carry-000000000042-00000007-....frames    halves whose other half has not come, and the keys of what was stored

A segment is read with the carry before it; its pairs are written, a new carry is made, and only then both go. A process
that is killed in between leaves the segment: the next one does the same again, under the same names, or, where the new
carry is there, removes the segment alone.
"""

from collections.abc import Iterable
import logging
from pathlib import Path
import time

import fsspec

from components.serving.collector.halves import Half, joined_halves, with_payloads
from components.serving.collector.journal import frames_of, KEY_BYTES
from components.shared.runtime.durable_files import sync_folder
from components.shared.serving_log.compaction import Compactor, frame_of, opened_frame
from components.shared.serving_log.payload_policy import PayloadPolicy
from components.shared.serving_log.segments import read_frames, SegmentWriter
from components.shared.serving_log.spool import Spool

logger = logging.getLogger(__name__)

_CARRY, _NO_SEGMENT = "carry-", "none"


class Collection:
    """Pairs halves, and writes them into the logs of their services. For one thread alone.

    Parameters
    ----------
    log
        Folder of the logs, one a service by its name: a local path or an fsspec URI.
    spool
        Where the journal is.
    policy
        How much of the inputs is kept.
    pair_wait_s
        How long a half waits for the other before it is written alone.
    carry_bytes
        What waiting halves may hold together; above, the oldest are written alone.

    Attributes
    ----------
    num_alone
        Halves that were written without the other since the process started.
    """

    def __init__(
        self, log: str, spool: Spool, policy: PayloadPolicy, *, pair_wait_s: float = 60.0, carry_bytes: int = 256 << 20
    ) -> None:
        self._log = log
        self._folder = spool.folder
        self._policy = policy
        self._pair_wait_ns = int(pair_wait_s * 1e9)
        self._carry_bytes = carry_bytes
        self.num_alone = 0
        self._sequence, self._carry = self._latest_carry()
        self._seen, self._waiting = _read_carry(self._carry)
        self._forget_what_is_done(spool)

    def stored_keys(self, segments: Iterable[Path]) -> list[bytes]:
        """Keys of all events that were stored before, the latest last: those of the carry and of some segments."""
        keys = dict.fromkeys(self._seen)
        for segment in segments:
            for frame in frames_of(segment):
                keys[bytes.fromhex(opened_frame(frame)[2]["key"])] = None
        return list(keys)

    def has_old_halves(self) -> bool:
        """Whether a half has waited long enough."""
        return any(self._is_old(half) for half in self._waiting)

    def collect(self, segment: Path | None, keys: Iterable[bytes]) -> None:
        """Bring a segment's events into the log, and remove it; None looks at waiting halves alone.

        Parameters
        ----------
        keys
            Of the events that were stored, to know them again after a restart.

        Raises
        ------
        OSError
            If the log or the carry cannot be written; then all is as it was before.
        """
        halves = list(self._waiting)
        if segment is not None:
            halves += [_half(frame) for frame in frames_of(segment)]
        stem = _NO_SEGMENT if segment is None else segment.stem
        name = f"{self._folder.name}-{self._sequence + 1}-alone" if segment is None else stem
        ready, waiting, num_alone = self._paired(halves)
        for service in dict.fromkeys(half.notes["service"] for half in ready):
            of_service = [(half.rows, half.info) for half in ready if half.notes["service"] == service]
            Compactor(log_of_service(self._log, service)).write(of_service, stem=name)
        carry = self._write_carry(stem, waiting, keys)
        if segment is not None:
            segment.unlink()
        if self._carry is not None:
            self._carry.unlink()
        self._carry, self._waiting, self._sequence = carry, waiting, self._sequence + 1
        self.num_alone += num_alone

    def _paired(self, halves: list[Half]) -> tuple[list[Half], list[Half], int]:
        """Whole rows and halves that are written alone; halves that wait; how many are written alone."""
        found: dict[str, dict[str, Half]] = {}
        for half in halves:
            found.setdefault(half.notes["pair"], {})[half.kind] = half
        ready: list[Half] = []
        waiting: list[Half] = []
        num_alone = 0
        for pair in found.values():
            whole = joined_halves(pair["request"], pair["response"], self._policy) if len(pair) == 2 else None
            if whole is not None:
                ready.append(whole)
            elif len(pair) == 2 or self._is_old(next(iter(pair.values()))):
                ready += [with_payloads(half, self._policy) for half in pair.values()]
                num_alone += len(pair)
            else:
                waiting += pair.values()
        while sum(half.rows.nbytes for half in waiting) > self._carry_bytes:
            ready.append(with_payloads(waiting.pop(0), self._policy))
            num_alone += 1
        return ready, waiting, num_alone

    def _is_old(self, half: Half) -> bool:
        return time.time_ns() - int(half.notes["received_ns"]) >= self._pair_wait_ns

    def _latest_carry(self) -> tuple[int, Path | None]:
        carries = sorted(self._folder.glob(f"{_CARRY}*.frames"))
        for older in carries[:-1]:
            older.unlink()
        return (int(carries[-1].name.split("-")[1]), carries[-1]) if carries else (0, None)

    def _forget_what_is_done(self, spool: Spool) -> None:
        """Remove the segment that the carry came of, where a killed process left it."""
        if self._carry is not None:
            done = self._carry.stem.split("-", 2)[2]
            for segment in spool.segments():
                if segment.stem == done:
                    segment.unlink()

    def _write_carry(self, stem: str, waiting: list[Half], keys: Iterable[bytes]) -> Path:
        target = self._folder / f"{_CARRY}{self._sequence + 1:012}-{stem}.frames"
        part = target.with_suffix(".part")
        part.unlink(missing_ok=True)
        with SegmentWriter(part) as writer:
            writer.append(b"".join(keys), *(frame_of(half.rows, half.info, dict(half.notes)) for half in waiting))
        part.replace(target)
        sync_folder(self._folder)
        return target


def log_of_service(log: str, service: str) -> str:
    """The log of one service: models of several kinds do not share one."""
    return f"{log.rstrip('/')}/{service}"


def services_of(log: str) -> list[str]:
    """Names of the services that have a log."""
    filesystem, root = fsspec.core.url_to_fs(log)
    found = filesystem.ls(root, detail=False) if filesystem.isdir(root) else []
    names = [str(name).rstrip("/").rpartition("/")[2] for name in found]
    return [name for name in names if name[:1] not in ("", ".", "_")]


def _read_carry(path: Path | None) -> tuple[list[bytes], list[Half]]:
    if path is None:
        return [], []
    keys, *frames = read_frames(path)
    seen = [keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES)]
    return seen, [_half(frame) for frame in frames]


def _half(frame: bytes) -> Half:
    rows, info, notes = opened_frame(frame)
    return Half(rows=rows, info=info, notes=notes)
