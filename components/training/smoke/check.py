"""The result of one check of the smoke test: an outcome, what was measured, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

from components.shared.contracts.verdict import Finding

# `not judged` where a check that it needs has failed, or there is too little to judge by.
Outcome = Literal["holds", "failed", "not judged", "does not apply"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SmokeCheck:
    """One check of the suite: what must hold, what was measured (or why nothing was), and the likely bug."""

    name: str
    outcome: Outcome
    measured: str
    finding: Finding | None = None  # of a failed check


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """A check's result before it has a name; `remedy` names the likely bug of a failed one."""

    outcome: Outcome
    measured: str
    remedy: str = ""

    def named(self, name: str) -> SmokeCheck:
        """The check with its name and, where it failed, its finding."""
        finding = None
        if self.outcome == "failed":
            finding = Finding(kind="quality", severity="blocking", name=name, message=self.measured, remedy=self.remedy)
        return SmokeCheck(name=name, outcome=self.outcome, measured=self.measured, finding=finding)


def holds(measured: str) -> Judgement:
    """The check holds."""
    return Judgement(outcome="holds", measured=measured)


def failed(measured: str, remedy: str) -> Judgement:
    """The check failed, and what the likely bug is."""
    return Judgement(outcome="failed", measured=measured, remedy=remedy)


def not_judged(reason: str) -> Judgement:
    """There is not enough to judge by."""
    return Judgement(outcome="not judged", measured=reason)


def does_not_apply(reason: str) -> Judgement:
    """There is nothing to check."""
    return Judgement(outcome="does not apply", measured=reason)
