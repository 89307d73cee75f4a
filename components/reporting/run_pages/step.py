"""One step of a run, and the callbacks that are told how it goes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(kw_only=True, slots=True)
class Step:
    """One step of a run, as it goes: `running`, `succeeded` or `failed`; `not reported` where nothing is known of it.

    Rounds of a loop after the first are numbered in `name`; `cached` outputs are an earlier run's. `outputs` holds
    parameters by value and artifacts by path; after a failure, those artifacts that are on disk. `duration_s` is None
    where nobody has measured it; `facts` is what else a step has kept of itself.
    """

    name: str
    log: Path
    status: str = "running"
    cached: bool = False
    duration_s: float | None = 0.0
    outputs: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def file_of(self, kind: str) -> Path | None:
        """The file that the step left of a kind (`report`, `verdict` ...), an output called KIND or STEP_KIND."""
        places = [Path(place) for name, place in self.outputs.items() if name == kind or name.endswith(f"_{kind}")]
        return next((place for place in places if place.is_file()), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Watcher:
    """Callbacks that are told how a run goes."""

    started: Callable[[Step], None]
    progressed: Callable[[Step, str], None]
    ended: Callable[[Step], None]
