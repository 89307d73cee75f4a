"""Launches a train job and follows it: relays its log, raises its failure, deletes it when the launcher stops."""

from collections import defaultdict, deque
from collections.abc import Callable
import logging
import re
import signal
import time
from types import FrameType
from typing import NoReturn, TypeVar

from components.training.kubeflow_job.train_job import (
    JobState,
    LogLine,
    Phase,
    TrainJob,
    TrainJobBackend,
    TrainJobError,
)
from components.training.trainer.sigterm import handling_sigterm

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

_OUTAGE_S = 900.0
_GONE_S = 300.0
_DELETE_TRIES = 5
_DELETE_PAUSE_S = 1.0
_KEPT_LINES = 200
_SHOWN_LINES = 20

_WORD = re.compile(r"\w\w")
# torchrun ends with a table that says who failed, not why.
_EXCEPTION = re.compile(r"\b(?!ChildFailedError)\w*(?:Error|Exception|Interrupt)\b: *\S")


def launch_train_job(job: TrainJob, backend: TrainJobBackend, *, poll_s: float = 10.0) -> None:
    """Run a job to its end, or take over the running one of that name; look every `poll_s` seconds.

    When this process is interrupted or terminated, or cannot go on, the job is deleted, so that nothing computes
    without a launcher. A job that completed is deleted too: its results lie where its command wrote them. A failed job
    stays for inspection until the next launch replaces it.

    Raises
    ------
    TrainJobError
        If the job failed, was deleted by somebody else, or took too long; why, and its last lines.
    ConnectionError
        If the backend could not be reached for a quarter of an hour.
    """
    with handling_sigterm(_exit_on_sigterm):
        try:
            _start_or_take_over(job, backend, poll_s=poll_s)
            failure = _follow(job, backend, poll_s=poll_s)
        except BaseException:
            _delete_at_any_cost(job.name, backend)
            raise
        if failure is not None:
            raise failure
        _delete_at_any_cost(job.name, backend)


class _NodeLogs:
    """Passes the nodes' lines on and keeps the last of each."""

    def __init__(self) -> None:
        self._kept: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_KEPT_LINES))

    def add(self, lines: list[LogLine]) -> None:
        for line in lines:
            logger.info("%s | %s", line.node, line.text)
            self._kept[line.node].append(line.text)

    def error(self, said: str, *, node: str | None) -> TrainJobError:
        """An error that ends with the line that tells most, of that node where it has logged anything."""
        logs = [list(lines) for name, lines in self._kept.items() if node not in self._kept or name == node]
        end = _telling_end(logs)
        message = f"{said}; it logged: {end[-1].strip()}" if end else f"{said}; nothing was logged"
        return TrainJobError(message, log_end="\n".join(end[-_SHOWN_LINES:]))


def _telling_end(logs: list[list[str]]) -> list[str]:
    """A log up to its last line that is an exception's; failing that, up to its last line with a word in it."""
    for pattern in (_EXCEPTION, _WORD):
        for log in logs:
            for end in range(len(log), 0, -1):
                if pattern.search(log[end - 1]):
                    return log[:end]
    return []


class _Clock:
    """Says when a phase has lasted too long."""

    def __init__(self, job: TrainJob) -> None:
        self._limits_s: dict[Phase, int] = {"starting": job.start_timeout_s, "running": job.timeout_s}
        self._state: JobState | None = None
        self._since = time.monotonic()

    def overdue(self, state: JobState) -> str | None:
        """What took too long, part of a sentence; None while nothing did."""
        if self._state is None or self._state.phase != state.phase:
            self._since = time.monotonic()
        self._state = state
        limit_s = self._limits_s.get(state.phase)
        if limit_s is None or time.monotonic() - self._since <= limit_s:
            return None
        why = f" ({state.reason})" if state.reason else ""
        return f"was still {state.phase} after {limit_s} s{why}, and was stopped"


def _start_or_take_over(job: TrainJob, backend: TrainJobBackend, *, poll_s: float) -> None:
    state = _patiently(lambda: backend.state(job.name), poll_s=poll_s)
    if state is not None and state.phase == "failed":
        logger.info("train job %s failed before (%s): starting it anew", job.name, state.reason or "no reason given")
        _patiently(lambda: backend.delete(job.name), poll_s=poll_s)
        _wait_until_gone(job.name, backend, poll_s=poll_s)
        state = None
    if state is None:
        try:
            _patiently(lambda: backend.submit(job), poll_s=poll_s)
        except FileExistsError:
            logger.info("train job %s was started by somebody else just now: following it", job.name)
        else:
            logger.info("train job %s is started on %d nodes", job.name, job.num_nodes)
    else:
        logger.info("train job %s is there already, %s: following it", job.name, state.phase)


def _wait_until_gone(name: str, backend: TrainJobBackend, *, poll_s: float) -> None:
    deadline = time.monotonic() + _GONE_S
    while _patiently(lambda: backend.state(name), poll_s=poll_s) is not None:
        if time.monotonic() > deadline:
            raise TrainJobError(f"train job {name} was deleted, but is still there after {_GONE_S:g} s", log_end="")
        time.sleep(poll_s)


def _follow(job: TrainJob, backend: TrainJobBackend, *, poll_s: float) -> TrainJobError | None:
    """Follow the job until it completed (None) or failed; raises where it was deleted or took too long."""
    logs, clock, shown = _NodeLogs(), _Clock(job), None
    while True:
        # The state first: what a node logged before its end is then read after it.
        state = _patiently(lambda: backend.state(job.name), poll_s=poll_s)
        logs.add(_patiently(lambda: backend.new_lines(job.name), poll_s=poll_s))
        if state is None:
            raise logs.error(f"train job {job.name} was deleted by somebody else", node=None)
        if state != shown:
            logger.info("train job %s is %s%s", job.name, state.phase, f": {state.reason}" if state.reason else "")
            shown = state
        if state.phase == "complete":
            return None
        if state.phase == "failed":
            why = state.reason or "the backend gave no reason"
            return logs.error(f"train job {job.name} failed: {why}", node=state.node)
        if overdue := clock.overdue(state):
            raise logs.error(f"train job {job.name} {overdue}", node=state.node)
        time.sleep(poll_s)


def _patiently(ask: Callable[[], Answer], *, poll_s: float) -> Answer:
    """Ask again while the backend cannot be reached: a job of days must outlive an outage of 15 minutes."""
    deadline = time.monotonic() + _OUTAGE_S
    while True:
        try:
            return ask()
        except ConnectionError as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("%s; trying again", error)
            time.sleep(poll_s)


def _delete_at_any_cost(name: str, backend: TrainJobBackend) -> None:
    """Delete, and log what goes wrong: the error that led here, or the completed job, is what must be seen."""
    for attempt in range(_DELETE_TRIES):
        if attempt:
            time.sleep(_DELETE_PAUSE_S)
        try:
            backend.delete(name)
        except (OSError, RuntimeError, ValueError) as error:
            logger.warning("train job %s cannot be deleted: %s", name, error)
        else:
            logger.info("train job %s is deleted", name)
            return
    logger.error("train job %s may be there still, and at work: kubectl delete trainjob %s", name, name)


def _exit_on_sigterm(number: int, frame: FrameType | None) -> NoReturn:
    """Raise `SystemExit`, as Ctrl-C raises `KeyboardInterrupt`; a second SIGTERM is ignored."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + number)
