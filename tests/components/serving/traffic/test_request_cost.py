import numpy as np
import pytest

from components.serving.traffic.request_cost import RequestCost


def learnt(each_s: float, megabyte_s: float, sizes, *, noise: float = 0.0) -> RequestCost:
    cost, rng = RequestCost(), np.random.default_rng(3)
    for size in sizes:
        count = int(rng.integers(1, 9))
        seconds = count * (each_s + megabyte_s * size / 1e6) * (1 + noise * rng.standard_normal())
        cost.observe(seconds=seconds, num_requests=count, num_bytes=count * size)
    return cost


def test_nothing_is_known_before_the_first_batch():
    assert RequestCost().seconds(num_requests=5, num_bytes=1e9) == 0


def test_what_a_request_and_what_a_byte_costs_are_told_apart():
    cost = learnt(0.01, 0.2, [1e3, 1e6, 5e6, 1e3, 2e6] * 20, noise=0.05)

    assert cost.seconds(num_requests=1, num_bytes=0) == pytest.approx(0.01, rel=0.5)
    assert cost.seconds(num_requests=1, num_bytes=10e6) == pytest.approx(2.01, rel=0.1)


def test_small_requests_say_nothing_of_large_ones():
    cost = learnt(0.05, 0.0, [1000] * 50)

    assert cost.seconds(num_requests=2, num_bytes=50e6) == pytest.approx(0.1)


@pytest.mark.parametrize(("each_s", "megabyte_s"), [(0.0, 0.3), (0.02, 0.0)])
def test_no_cost_is_below_zero(each_s, megabyte_s):
    cost = learnt(each_s, megabyte_s, [1e5, 1e6, 4e6] * 30, noise=0.2)

    assert cost.seconds(num_requests=1, num_bytes=0) >= 0
    assert cost.seconds(num_requests=0, num_bytes=1e6) >= 0


def test_the_last_batches_count_most():
    cost = learnt(1.0, 0.0, [1000] * 100)
    for _ in range(500):
        cost.observe(seconds=0.01, num_requests=1, num_bytes=1000)

    assert cost.seconds(num_requests=1, num_bytes=0) < 0.05
