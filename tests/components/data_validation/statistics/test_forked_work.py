from functools import partial
import os
import signal

import pytest

from components.data_validation.statistics.forked_work import forked_results


def test_results_come_in_the_order_of_the_tasks_from_other_processes():
    results = forked_results([partial(lambda n: (n, os.getpid()), number) for number in range(3)], what="numbers")
    assert [number for number, _ in results] == [0, 1, 2]
    assert len({process for _, process in results} | {os.getpid()}) == 4


def test_a_result_larger_than_a_pipe_comes_through():
    assert [len(result) for result in forked_results([lambda: b"x" * 5_000_000] * 2, what="bytes")] == [5_000_000] * 2


def test_what_a_task_raises_is_raised_here():
    def fail():
        raise ValueError("row 3 must have 2 values")

    with pytest.raises(ValueError, match="row 3 must have 2 values"):
        forked_results([fail, signal.pause], what="statistics of t.csv")


def test_a_process_that_dies_is_an_error_and_no_hang():
    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(RuntimeError, match=r"compute statistics of t.csv.*ended with signal SIGKILL.*memory"):
        forked_results([die, signal.pause], what="statistics of t.csv")


def test_a_result_that_cannot_travel_is_an_error():
    with pytest.raises(RuntimeError, match="cannot be handed over"):
        forked_results([lambda: lambda: 1], what="functions")
