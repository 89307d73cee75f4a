"""Work shared by processes that are forked: each has all that is loaded, and TFDV's import of seconds is paid once.

Forking is safe here: no TensorFlow session and no gRPC channel is ever made in this process, Arrow starts its threads
anew in a child, and a child opens its files itself.
"""

from collections.abc import Callable, Sequence
import contextlib
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
import pickle
import signal
from typing import Any, TypeVar
import warnings

import pyarrow as pa

Result = TypeVar("Result")


def forked_results(tasks: Sequence[Callable[[], Result]], *, what: str) -> list[Result]:
    """Results of tasks in their order, each run in a process of its own, all at the same time.

    Results and errors must be picklable; the tasks need not be. What a task raises is raised here, and the others are
    stopped; `RuntimeError` where a process ends without a result: it was killed, for lack of memory say. `what` names
    what they compute, for that error.
    """
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(_forked(task)) for task in tasks]
        positions = {receiver: number for number, (_, receiver) in enumerate(running)}
        results: dict[int, Result] = {}
        while len(results) < len(tasks):
            for receiver in wait([held for held in positions if positions[held] not in results]):
                number = positions[receiver]  # type: ignore[index]
                results[number] = _received(*running[number], what=what)
    return [results[number] for number in range(len(tasks))]


class _forked:  # noqa: N801  a context manager, named like one
    """A process that runs a task, and the connection that its result comes through; stopped when the block ends."""

    def __init__(self, task: Callable[[], Any]) -> None:
        context = get_context("fork")
        self._receiver, self._sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_run, args=(task, self._sender), daemon=True)

    def __enter__(self) -> tuple[BaseProcess, Connection]:
        with warnings.catch_warnings():
            # Python 3.12 warns of forking where there are threads; the module's docstring says why these do no harm.
            warnings.filterwarnings("ignore", message=r".*use of fork\(\)", category=DeprecationWarning)
            self._process.start()
        # Held open here, it would keep the connection from ending when the process does.
        self._sender.close()
        return self._process, self._receiver

    def __exit__(self, *exception: Any) -> None:
        self._receiver.close()
        if exception[0] is not None:
            self._process.kill()
        self._process.join()
        self._process.close()


def _run(task: Callable[[], Any], sender: Connection) -> None:
    pa.set_cpu_count(1)
    try:
        succeeded, content = True, task()
    except Exception as error:  # the process's edge: raised again on the other side
        succeeded, content = False, error
    try:
        message = pickle.dumps((succeeded, content))
    except Exception as error:  # the process's edge, too: an exception may hold what cannot travel
        message = pickle.dumps((False, RuntimeError(f"{content!r} cannot be handed over: {error}")))
    sender.send_bytes(message)


def _received(process: BaseProcess, receiver: Connection, *, what: str) -> Any:
    try:
        # Written by a process of ours, through a pipe that nobody else has.
        succeeded, content = pickle.loads(receiver.recv_bytes())  # noqa: S301
    except EOFError as error:
        process.join()
        raise RuntimeError(
            f"the processes that compute {what} must all end well, but one ended with {_ending(process.exitcode)}: "
            "a lack of memory, most likely; fewer processes need less"
        ) from error
    if not succeeded:
        raise content
    return content


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"
