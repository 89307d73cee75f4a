import pytest

from components.serving.traffic.admission import AdmissionGate, RefusedError
from components.serving.traffic.limits import LARGE_BYTES, TrafficLimits


def gate_with(**limits) -> AdmissionGate:
    return AdmissionGate(TrafficLimits(**limits))


def refusal_of(gate: AdmissionGate, num_bytes: int = 0):
    with pytest.raises(RefusedError) as refused:
        gate.admit(num_bytes)
    return refused.value.refusal


def test_as_many_requests_as_allowed_are_taken_and_one_more_when_one_is_answered():
    gate = gate_with(max_requests=2)
    first, _ = gate.admit(10), gate.admit(10)

    refusal = refusal_of(gate)

    assert (refusal.status, refusal.reason) == (429, "queue_requests")
    assert refusal.retry_after_s >= 1
    assert "2 requests wait already" in refusal.sentence
    first.release()
    first.release()  # a second time counts nothing
    gate.admit(10)
    assert gate.num_requests == 2


def test_bytes_are_bounded_whether_announced_or_not():
    gate = gate_with(max_held_bytes=100)
    gate.admit(60)

    assert refusal_of(gate, 50).reason == "queue_bytes"
    unannounced = gate.admit(0)
    unannounced.grow(40)
    with pytest.raises(RefusedError, match="100 bytes of requests are held"):
        unannounced.grow(41)
    assert gate.held_bytes == 100
    unannounced.release()
    assert gate.held_bytes == 60


def test_a_request_that_would_wait_too_long_is_refused_and_told_when_to_come_again():
    gate = gate_with(max_wait_s=5.0)
    gate.observe(seconds=4.0, num_bytes=1000, num_requests=1)
    for _ in range(2):
        gate.admit(1000)

    refusal = refusal_of(gate, 1000)

    assert refusal.reason == "queue_wait"
    assert refusal.retry_after_s == 8
    assert "about 8.0 s" in refusal.sentence


def test_one_may_wait_behind_one_other_however_long_that_takes():
    gate = gate_with(max_wait_s=5.0)
    gate.observe(seconds=60.0, num_bytes=1000, num_requests=1)
    gate.admit(1000)

    gate.admit(1000)


def test_a_small_request_is_not_refused_for_the_large_ones_that_wait():
    gate = gate_with(max_wait_s=1.0)
    gate.observe(seconds=0.01, num_bytes=1000, num_requests=1)
    gate.observe(seconds=3.0, num_bytes=10 * LARGE_BYTES, num_requests=1)
    for _ in range(2):
        gate.admit(10 * LARGE_BYTES)

    assert refusal_of(gate, 10 * LARGE_BYTES).reason == "queue_wait"
    for _ in range(5):
        gate.admit(1000)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"max_requests": 0}, "max_requests must be above 0"), ({"drain_s": -1.0}, "drain_s at least 0")],
)
def test_a_bound_that_lets_nobody_in_is_refused(limits, reason):
    with pytest.raises(ValueError, match=reason):
        TrafficLimits(**limits)
