import asyncio
from collections.abc import Mapping
import threading
import time

import numpy as np
import pytest

from components.serving.traffic.admission import RefusedError
from components.serving.traffic.batching import BatchingWorker
from components.serving.traffic.limits import LARGE_BYTES
from components.shared.feature_store.blocks import InputSpec

SPECS = {"value": InputSpec(dtype="float32", shape=(1,))}


class Rows:
    """Doubles its values, which a predictor of the tests computes."""

    def __init__(self, *values: float, num_bytes: int = 10, fault: Exception | None = None) -> None:
        self.values, self.num_bytes, self.fault = values, num_bytes, fault
        self.was_read = False

    def read(self) -> Mapping[str, np.ndarray]:
        self.was_read = True
        if self.fault is not None:
            raise self.fault
        return {"value": np.array(self.values, np.float32)[:, None]}

    def finish(self, answers: np.ndarray) -> list[float]:
        return answers.tolist()


class Parts:
    def rows(self, answers, start, stop):
        return answers[start:stop]

    def joined(self, parts):
        return np.concatenate(parts)


class Doubling:
    """A predictor that notes its batches, waits while it is held, and fails on values below 0."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.values: list[list[float]] = []
        self.free, self.busy = threading.Event(), threading.Event()
        self.free.set()

    def __call__(self, inputs):
        self.busy.set()
        self.free.wait(10)
        values = inputs["value"][:, 0]
        self.batches.append(len(values))
        self.values.append(values.tolist())
        if (values < 0).any():
            raise RuntimeError("a value below 0")
        return 2 * values


@pytest.fixture
def doubling():
    return Doubling()


def answers_of(doubling: Doubling, test, *, seen=None, **options):
    """What `test`, a coroutine of the worker, returns."""

    async def run():
        observed = seen if seen is not None else []
        worker = BatchingWorker(doubling, Parts(), SPECS, observe=lambda *found: observed.append(found), **options)
        try:
            return await asyncio.wait_for(test(worker), 20)
        finally:
            doubling.free.set()
            await asyncio.to_thread(worker.close)

    return asyncio.run(run())


async def held_back(worker, doubling, *works, timeout_s=10.0):
    """Tickets of works that all wait while a first one is computed."""
    doubling.free.clear()
    first = worker.submit(Rows(0.0), timeout_s=10)
    await asyncio.to_thread(doubling.busy.wait, 10)
    tickets = [worker.submit(work, timeout_s=timeout_s) for work in works]
    return first, tickets


def test_what_waits_is_computed_together_and_everyone_gets_his_own(doubling):
    async def test(worker):
        first, tickets = await held_back(worker, doubling, Rows(1.0), Rows(2.0, 3.0), Rows(4.0))
        doubling.free.set()
        return [await ticket.answer for ticket in (first, *tickets)], tickets[1].timing

    answers, timing = answers_of(doubling, test)

    assert answers == [[0.0], [2.0], [4.0, 6.0], [8.0]]
    assert doubling.batches == [1, 4]
    assert (timing.num_rows, timing.batch_rows) == (2, 4)


def test_a_request_alone_waits_for_nobody(doubling):
    async def test(worker):
        return [await worker.submit(Rows(float(number)), timeout_s=10).answer for number in range(3)]

    assert answers_of(doubling, test) == [[0.0], [2.0], [4.0]]
    assert doubling.batches == [1, 1, 1]


def test_a_small_request_does_not_wait_for_the_end_of_a_large_one(doubling):
    async def test(worker):
        _, (large, small) = await held_back(worker, doubling, Rows(*[1.0] * 640), Rows(5.0))
        doubling.free.set()
        return await small.answer, len(await large.answer)

    assert answers_of(doubling, test) == ([10.0], 640)
    assert 5.0 in doubling.values[1]


def test_large_bodies_are_read_beside_the_small_ones(doubling):
    reading = threading.Event()

    class Slow(Rows):
        def read(self):
            assert reading.wait(10)
            return super().read()

    async def test(worker):
        large = worker.submit(Slow(1.0, num_bytes=LARGE_BYTES + 1), timeout_s=10)
        small = await worker.submit(Rows(2.0), timeout_s=10).answer
        reading.set()
        return small, await large.answer

    assert answers_of(doubling, test) == ([4.0], [2.0])


def test_only_a_few_large_bodies_are_read_ahead(doubling):
    works = [Rows(1.0, num_bytes=LARGE_BYTES + 1) for _ in range(12)]

    async def test(worker):
        _, tickets = await held_back(worker, doubling, *works)
        await asyncio.sleep(0.3)
        num_read = sum(work.was_read for work in works)
        doubling.free.set()
        return num_read, [await ticket.answer for ticket in tickets]

    num_read, answers = answers_of(doubling, test)

    assert num_read <= 2
    assert answers == [[2.0]] * 12


def test_a_request_that_cannot_be_read_harms_no_other(doubling):
    async def test(worker):
        _, tickets = await held_back(worker, doubling, Rows(1.0), Rows(fault=ValueError("no number")), Rows(3.0))
        doubling.free.set()
        return await asyncio.gather(*(ticket.answer for ticket in tickets), return_exceptions=True)

    first, fault, last = answers_of(doubling, test)

    assert (first, last) == ([2.0], [6.0])
    assert isinstance(fault, ValueError)


def test_a_request_on_which_the_model_fails_harms_no_other(doubling):
    async def test(worker):
        _, tickets = await held_back(worker, doubling, Rows(1.0), Rows(-1.0), Rows(3.0))
        doubling.free.set()
        return await asyncio.gather(*(ticket.answer for ticket in tickets), return_exceptions=True)

    first, fault, last = answers_of(doubling, test)

    assert (first, last) == ([2.0], [6.0])
    assert isinstance(fault, RuntimeError)


def test_the_work_of_clients_that_hung_up_is_not_done(doubling):
    works = [Rows(float(number)) for number in range(10)]

    async def test(worker):
        _, tickets = await held_back(worker, doubling, *works)
        for ticket in tickets[:9]:
            ticket.answer.cancel()
        doubling.free.set()
        return await tickets[9].answer

    assert answers_of(doubling, test) == [18.0]
    assert [work.was_read for work in works] == [False] * 9 + [True]


def test_a_request_that_waited_too_long_is_told_so(doubling):
    async def test(worker):
        _, (late,) = await held_back(worker, doubling, Rows(1.0), timeout_s=0.05)
        await asyncio.sleep(0.1)
        doubling.free.set()
        with pytest.raises(RefusedError, match="waited too long") as refused:
            await late.answer
        return refused.value.refusal.status

    assert answers_of(doubling, test) == 503


def test_what_batches_cost_is_told_by_requests_and_bytes(doubling):
    seen: list[tuple[float, float, float]] = []

    async def test(worker):
        await worker.submit(Rows(*[1.0] * 100, num_bytes=1000), timeout_s=10).answer

    answers_of(doubling, test, seen=seen)

    assert sum(num_bytes for _, num_bytes, _ in seen) == pytest.approx(1000)
    assert sum(num_requests for _, _, num_requests in seen) == pytest.approx(1)
    assert all(seconds > 0 for seconds, _, _ in seen)


def test_everything_accepted_is_answered_before_the_end(doubling):
    async def test(worker):
        _, tickets = await held_back(worker, doubling, *[Rows(float(number)) for number in range(30)])
        closing = asyncio.create_task(asyncio.to_thread(worker.close))
        await asyncio.sleep(0.05)
        doubling.free.set()
        await closing
        return [await ticket.answer for ticket in tickets]

    assert answers_of(doubling, test) == [[2.0 * number] for number in range(30)]


def test_readers_side_by_side_give_the_same_answers(doubling):
    async def test(worker):
        _, tickets = await held_back(worker, doubling, *[Rows(float(number)) for number in range(30)])
        doubling.free.set()
        return [await ticket.answer for ticket in tickets]

    assert answers_of(doubling, test, num_readers=3) == [[2.0 * number] for number in range(30)]


def test_a_batch_waits_a_moment_for_clients_that_were_there_before(doubling):
    """Closed loops of 4 clients come one after another: without the wait they would be computed 1 and 3 at a time."""

    def slowly(inputs):
        time.sleep(0.06)
        return doubling(inputs)

    async def test(worker):
        async def client():
            for number in range(10):
                await worker.submit(Rows(float(number)), timeout_s=10).answer
                await asyncio.sleep(0.0005)

        await asyncio.gather(*(client() for _ in range(4)))

    async def run():
        worker = BatchingWorker(slowly, Parts(), SPECS, observe=lambda *_: None)
        try:
            await test(worker)
        finally:
            await asyncio.to_thread(worker.close)

    asyncio.run(run())
    assert sum(doubling.batches) == 40
    assert len(doubling.batches) < 20
