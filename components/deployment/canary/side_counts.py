"""What one side of a canary did in one block of time, in counts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class SideCounts:
    """Counts of one side, the canary or the stable release, in one block of time.

    Attributes
    ----------
    requests
        Requests that came to an end.
    errors
        Those that were answered with another status than 2xx, or not at all.
    seconds
        Answered requests by the upper bound, in seconds, of the bucket that their latency lies in; `inf` for the last.
    predictions
        Answers by class, or by range of a number.
    labelled, wrong
        Answers whose true label has come, and those that it says are wrong.
    """

    requests: int = 0
    errors: int = 0
    seconds: Mapping[float, int] = field(default_factory=dict)
    predictions: Mapping[str, int] = field(default_factory=dict)
    labelled: int = 0
    wrong: int = 0

    def __post_init__(self) -> None:
        every = [self.requests, self.errors, self.labelled, self.wrong]
        if min([*every, *self.seconds.values(), *self.predictions.values()]) < 0:
            raise ValueError(f"counts must be 0 or more, got {self}")
        for part, whole in (("errors", "requests"), ("wrong", "labelled")):
            if getattr(self, part) > getattr(self, whole):
                raise ValueError(f"{part} must be at most {whole}, {getattr(self, whole)}, got {getattr(self, part)}")

    def slower_than(self, bound: float) -> int:
        """Answered requests whose latency lies in a bucket above a bound, in seconds."""
        return sum(count for upper, count in self.seconds.items() if upper > bound)

    @property
    def timed(self) -> int:
        """Requests whose latency is known."""
        return sum(self.seconds.values())

    def __add__(self, other: "SideCounts") -> "SideCounts":
        return SideCounts(
            requests=self.requests + other.requests,
            errors=self.errors + other.errors,
            seconds=Counter(self.seconds) + Counter(other.seconds),
            predictions=Counter(self.predictions) + Counter(other.predictions),
            labelled=self.labelled + other.labelled,
            wrong=self.wrong + other.wrong,
        )

    def written(self) -> dict[str, Any]:
        """The counts as JSON values."""
        return {
            "requests": self.requests,
            "errors": self.errors,
            # JSON has no infinity, and its keys are texts.
            "seconds": [[str(upper), count] for upper, count in self.seconds.items()],
            "predictions": dict(self.predictions),
            "labelled": self.labelled,
            "wrong": self.wrong,
        }

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> "SideCounts":
        """Counts from what `written` made of them."""
        return cls(**{**written, "seconds": {float(upper): count for upper, count in written["seconds"]}})
