"""One block of a canary's traffic, and what the judge made of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.deployment.canary.judge import Decision, Watched
from components.deployment.canary.side_counts import SideCounts


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchedBlock:
    """A block; `percent` is the canary's share in it, `evidence` what the judge had after it (natural logarithms)."""

    percent: int
    canary: SideCounts
    stable: SideCounts
    evidence: Mapping[Watched, float]
    decision: Decision
