"""How many errors each cause explains, with intervals, and the sentence that a team acts on."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.model_analysis.error_causes.cause_names import CAUSES, REMEDIES, WRONG_LABEL
from components.model_analysis.error_causes.causes import ErrorCauses
from components.model_analysis.metrics.intervals import wilson_interval


@dataclass(frozen=True, kw_only=True, slots=True)
class CauseShare:
    """How many of the errors a cause explains best: their number, their share, and its 95 % interval, 0 to 1.

    The interval says what other test examples of the same kind would show; not how often the suspicion is right.
    """

    cause: str
    num_errors: int
    share: float
    low: float
    high: float


def cause_shares(errors: Sequence[ErrorCauses]) -> list[CauseShare]:
    """Share of each cause that comes first for some error, the largest first."""
    firsts = [error.first.cause for error in errors]
    shares = []
    for cause in CAUSES:
        number = firsts.count(cause)
        if number:
            low, high = wilson_interval(number, len(firsts))
            shares.append(CauseShare(cause=cause, num_errors=number, share=number / len(firsts), low=low, high=high))
    return sorted(shares, key=lambda share: -share.num_errors)


def summary(shares: Sequence[CauseShare], *, num_errors: int) -> str:
    """One sentence: what most errors look like, and what to do first."""
    if not shares:
        return "no example of the test split is answered wrongly: there is nothing to explain"
    largest = shares[:3]
    counts = ", ".join(f"about {share.num_errors} {CAUSES[share.cause]}" for share in largest)
    first = shares[0].cause
    fix = "fix the data first: " if first in _OF_THE_DATA else ""
    return f"of {num_errors:,} errors, {counts}; {fix}{REMEDIES[first]}"


_OF_THE_DATA = (WRONG_LABEL, "broken_processing", "poor_input")
