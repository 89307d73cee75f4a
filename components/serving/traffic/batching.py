"""Computes what waits in batches, in one thread: a batch is what came while the one before was computed.

A request alone is computed at once. Where several clients ask at the same time, a batch that is smaller than the last
one waits a moment for the others' next requests: at most `LINGER_S`, and at most a tenth of what the last batch took.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
import contextlib
import threading
import time
from typing import Any

import numpy as np

from components.modeling.answers import Answers
from components.serving.traffic.admission import Refusal, RefusedError, UNAVAILABLE
from components.serving.traffic.batch_plan import MAX_ROWS, planned_rows
from components.serving.traffic.limits import LARGE_BYTES
from components.serving.traffic.ticket import AnswerParts, Ticket, Work
from components.shared.feature_store.blocks import InputSpec, joined_inputs

LINGER_S = 0.005
# Large requests that are read ahead of the batches, a thread that reads them.
_READ_AHEAD = 2
# Small requests that are read while others are computed, where a batch has fewer rows.
_MIN_ACTIVE = 16


class BatchingWorker:
    """The thread that reads, computes and answers.

    Parameters
    ----------
    predict
        Answers to the rows of inputs.
    parts
        How answers are cut and joined.
    specs
        The inputs of `predict`.
    observe
        Called in the event loop after each batch with its seconds, its bytes and the number of its requests.
    num_readers
        Threads that read requests of one batch side by side; 1 reads them in the thread that computes.
    max_rows
        Rows a batch.
    """

    def __init__(
        self,
        predict: Callable[[Mapping[str, np.ndarray]], Answers],
        parts: AnswerParts,
        specs: Mapping[str, InputSpec],
        *,
        observe: Callable[[float, float, float], None],
        num_readers: int = 1,
        max_rows: int = MAX_ROWS,
    ) -> None:
        self._predict, self._parts, self._specs, self._observe = predict, parts, specs, observe
        self._readers = ThreadPoolExecutor(num_readers, thread_name_prefix="read") if num_readers > 1 else None
        self._large_readers = ThreadPoolExecutor(num_readers, thread_name_prefix="read-large")
        self._large_slots = threading.Semaphore(_READ_AHEAD * num_readers)
        self._num_large = 0
        self._num_readers, self._max_rows = num_readers, max_rows
        self._waiting: deque[Ticket] = deque()
        self._read_ahead: deque[Ticket] = deque()
        self._active: list[Ticket] = []
        self._changed = threading.Condition()
        self._closed = False
        self._settled: deque[tuple[Ticket, Any]] = deque()  # several threads add to it
        self._last_requests, self._last_s = 1, 0.0
        self._large_turn = False
        self._thread = threading.Thread(target=self._run, name="predict", daemon=True)
        self._thread.start()

    @property
    def queue_length(self) -> int:
        """Requests that no batch has taken up yet."""
        return len(self._waiting) + self._num_large

    def submit(self, work: Work, *, timeout_s: float) -> Ticket:
        """Queue a request, from the event loop's thread; cancel `answer` to drop it before it is computed."""
        loop, now = asyncio.get_running_loop(), time.monotonic()
        is_large = work.num_bytes > LARGE_BYTES
        ticket = Ticket(work=work, answer=loop.create_future(), deadline=now + timeout_s, queued=now, is_large=is_large)
        with self._changed:
            if is_large:
                self._num_large += 1
                self._large_readers.submit(self._read_large, ticket)
            else:
                self._waiting.append(ticket)
                self._changed.notify()
        return ticket

    def close(self) -> None:
        """End the thread when everything that waits is answered."""
        self._large_readers.shutdown()
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        if self._readers is not None:
            self._readers.shutdown()

    def _run(self) -> None:
        while self._await_work():
            began = time.monotonic()
            self._linger()
            self._read_waiting()
            self._retire([ticket for ticket in self._active if not self._is_wanted(ticket)])
            if self._active:
                self._compute(began)
            self._tell()

    def _await_work(self) -> bool:
        with self._changed:
            while not self._waiting and not self._active and not self._read_ahead:
                if self._closed:
                    return False
                self._changed.wait()
        return True

    def _linger(self) -> None:
        until, wanted = time.monotonic() + min(LINGER_S, self._last_s / 10), min(self._last_requests, self._max_rows)
        with self._changed:
            while len(self._waiting) + len(self._active) + len(self._read_ahead) < wanted and not self._closed:
                left_s = until - time.monotonic()
                if left_s <= 0 or not self._changed.wait(left_s):
                    return

    def _read_waiting(self) -> None:
        with self._changed:
            self._active += self._read_ahead
            self._read_ahead.clear()
        while taken := self._taken():
            if self._readers is not None and len(taken) > 1:
                list(self._readers.map(self._read, taken))
            else:
                for ticket in taken:
                    self._read(ticket)
            self._active += [ticket for ticket in taken if ticket.timing.num_rows]
            self._tell()

    def _taken(self) -> list[Ticket]:
        taken: list[Ticket] = []
        room = max(self._max_rows, _MIN_ACTIVE) - sum(not ticket.is_large for ticket in self._active)
        with self._changed:
            while self._waiting and len(taken) < min(self._num_readers, room):
                ticket = self._waiting.popleft()
                if self._is_wanted(ticket):
                    taken.append(ticket)
        return taken

    def _is_wanted(self, ticket: Ticket) -> bool:
        if ticket.answer.cancelled():
            return False
        if time.monotonic() > ticket.deadline:
            self._settled.append((ticket, RefusedError(_TOO_LATE)))
            return False
        return True

    def _read_large(self, ticket: Ticket) -> None:
        self._large_slots.acquire()
        if self._is_wanted(ticket):
            self._read(ticket)
        with self._changed:
            self._num_large -= 1
            if ticket.timing.num_rows:
                self._read_ahead.append(ticket)
                self._changed.notify()
                return
        self._large_slots.release()
        self._tell()

    def _read(self, ticket: Ticket) -> None:
        began = time.monotonic()
        ticket.timing.queue_s = began - ticket.queued
        try:
            ticket.inputs = ticket.work.read()
            ticket.timing.num_rows = len(next(iter(ticket.inputs.values())))
            assert ticket.timing.num_rows
        except Exception as error:  # the edge: whatever it is goes to this request's client, and to no other
            self._settled.append((ticket, error))
            return
        ticket.timing.read_s = time.monotonic() - began

    def _compute(self, began: float) -> None:
        active = self._whose_turn()
        rows = planned_rows([ticket.waiting for ticket in active], max_rows=self._max_rows)
        batch = [(ticket, num) for ticket, num in zip(active, rows, strict=True) if num]
        start = time.monotonic()
        try:
            self._compute_together(batch)
        except Exception:  # one request's fault must not be another's: each is tried alone
            for ticket, num in batch:
                self._compute_alone(ticket, num)
        seconds = time.monotonic() - start
        for ticket, _ in batch:
            ticket.timing.compute_s += seconds
            ticket.timing.batch_rows = max(ticket.timing.batch_rows, sum(num for _, num in batch))
        done = [ticket for ticket, _ in batch if ticket.next_row == ticket.timing.num_rows]
        self._retire(done)
        self._settled.extend((ticket, self._finished(ticket)) for ticket in done)
        begun = {ticket for ticket, _ in batch}
        self._active.sort(key=begun.__contains__)  # who had a part computed lets the others go first
        self._last_requests, self._last_s = len(batch), time.monotonic() - began
        self._tell_cost(batch)

    def _whose_turn(self) -> list[Ticket]:
        """Where small and large requests wait, those that were not in the last batch."""
        kinds = {ticket.is_large for ticket in self._active}
        self._large_turn = not self._large_turn if len(kinds) > 1 else kinds == {True}
        return [ticket for ticket in self._active if ticket.is_large == self._large_turn]

    def _retire(self, tickets: Sequence[Ticket]) -> None:
        gone = set(tickets)
        self._active = [ticket for ticket in self._active if ticket not in gone]
        for ticket in tickets:
            if ticket.is_large:
                self._large_slots.release()

    def _tell_cost(self, batch: Sequence[tuple[Ticket, int]]) -> None:
        shares = [(ticket, num / ticket.timing.num_rows) for ticket, num in batch]
        num_bytes = sum(ticket.work.num_bytes * share for ticket, share in shares)
        seconds = self._last_s + sum(ticket.timing.read_s * share for ticket, share in shares if ticket.is_large)
        _call_in_loop(batch[0][0], self._observe, seconds, num_bytes, sum(share for _, share in shares))

    def _compute_together(self, batch: Sequence[tuple[Ticket, int]]) -> None:
        parts = [_rows(ticket.inputs, ticket.next_row, num) for ticket, num in batch]
        answers = self._predict(parts[0] if len(parts) == 1 else joined_inputs(parts, self._specs))
        start = 0
        for ticket, num in batch:
            ticket.parts.append(answers if len(batch) == 1 else self._parts.rows(answers, start, start + num))
            ticket.next_row += num
            start += num

    def _compute_alone(self, ticket: Ticket, num: int) -> None:
        try:
            self._compute_together([(ticket, num)])
        except Exception as error:  # the edge, as above
            ticket.next_row = ticket.timing.num_rows
            ticket.parts = [error]

    def _finished(self, ticket: Ticket) -> Any:
        if isinstance(ticket.parts[0], Exception):
            return ticket.parts[0]
        try:
            return ticket.work.finish(ticket.parts[0] if len(ticket.parts) == 1 else self._parts.joined(ticket.parts))
        except Exception as error:  # the edge, as above
            return error

    def _tell(self) -> None:
        """Hand the answers that are ready to the event loop, all at once."""
        settled = []
        with contextlib.suppress(IndexError):
            while True:
                settled.append(self._settled.popleft())
        if settled:
            _call_in_loop(settled[0][0], _set_answers, settled)


_TOO_LATE = Refusal(
    status=UNAVAILABLE,
    reason="timeout",
    sentence="the request waited too long to be computed in time: try again later",
    retry_after_s=5,
)


def _rows(inputs: Mapping[str, np.ndarray], start: int, num: int) -> dict[str, np.ndarray]:
    return {name: value[start : start + num] for name, value in inputs.items()}


def _call_in_loop(ticket: Ticket, call: Callable[..., None], *arguments: Any) -> None:
    try:
        ticket.answer.get_loop().call_soon_threadsafe(call, *arguments)
    except RuntimeError:  # the loop has ended: nobody waits any more
        return


def _set_answers(settled: Sequence[tuple[Ticket, Any]]) -> None:
    for ticket, value in settled:
        if ticket.answer.done():
            continue
        if isinstance(value, Exception):
            ticket.answer.set_exception(value)
        else:
            ticket.answer.set_result(value)
