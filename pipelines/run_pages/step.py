"""One step of a run as people and pages see it, and whoever wants to hear how it goes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(kw_only=True, slots=True)
class Step:
    """One step of a run, as it goes.

    Attributes
    ----------
    name
        What people see; rounds of a loop after the first are numbered.
    status
        `running`, `succeeded` or `failed`.
    cached
        Whether an earlier run's outputs were taken.
    duration_s
        Seconds.
    log
        The step's own log.
    outputs
        Parameters by value, artifacts by path; after a failure, those artifacts that are on disk.
    error
        The sentence it failed with.
    """

    name: str
    log: Path
    status: str = "running"
    cached: bool = False
    duration_s: float = 0.0
    outputs: dict[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Watcher:
    """Whoever wants to hear how a run goes."""

    started: Callable[[Step], None]
    progressed: Callable[[Step, str], None]
    ended: Callable[[Step], None]
