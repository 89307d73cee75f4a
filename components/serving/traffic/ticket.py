"""A request on its way through the thread that computes: its work, its times, and the future of its answer."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from components.serving.traffic.batch_plan import WaitingRows


class AnswerParts(Protocol):
    """How answers to rows are cut and joined."""

    def rows(self, answers: Any, start: int, stop: int) -> Any:
        """The answers to some of the rows."""
        ...

    def joined(self, parts: Sequence[Any]) -> Any:
        """Answers to parts as one."""
        ...


class Work(Protocol):
    """One request, as the thread that computes sees it."""

    num_bytes: int

    def read(self) -> Mapping[str, np.ndarray]:
        """The predictor's inputs; what is wrong with the request is raised, and goes to its client."""
        ...

    def finish(self, answers: Any) -> Any:
        """What the client gets for the answers to all rows."""
        ...


@dataclass(slots=True)
class Timing:
    """Seconds of one request by stage, and the rows of the largest batch that it was in."""

    queue_s: float = 0.0
    read_s: float = 0.0
    compute_s: float = 0.0
    num_rows: int = 0
    batch_rows: int = 0


@dataclass(slots=True, eq=False)
class Ticket:
    """A request that waits for its answer: `answer` is the future of what `Work.finish` returns."""

    work: Work
    answer: asyncio.Future[Any]
    deadline: float
    queued: float
    timing: Timing = field(default_factory=Timing)
    inputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    is_large: bool = False
    next_row: int = 0
    parts: list[Any] = field(default_factory=list)

    @property
    def waiting(self) -> WaitingRows:
        """What of it is not computed yet."""
        length = max((value.shape[1] for value in self.inputs.values() if value.ndim == 2), default=1)
        return WaitingRows(num_rows=self.timing.num_rows - self.next_row, length=length)
