"""An answer to one question about a cluster: what is asked, what was found, what mends it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Status = Literal["good", "note", "bad", "unseen"]

_MARKS: dict[Status, str] = {"good": "✓", "note": "!", "bad": "✗", "unseen": "?"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One line about a cluster.

    Attributes
    ----------
    subject
        What it is about: `claim`, `KServe`, `GPUs` ...
    status
        `good`; `note`, which stops no run; `bad`; `unseen` where whoever asks may not look.
    found
        What there is.
    asked
        What must be there; empty where it is.
    remedy
        The command, or the sentence, that mends it; empty where nothing is to be done.
    """

    subject: str
    status: Status
    found: str
    asked: str = ""
    remedy: str = ""

    def line(self) -> str:
        """The answer on one line: `✗ claim: asked ..., found ...; mend it: ...`."""
        if self.status == "good":
            return f"{_MARKS[self.status]} {self.subject}: {self.found}"
        asked = f"asked for {self.asked}, found {self.found}" if self.asked else self.found
        remedy = f"; mend it: {self.remedy}" if self.remedy else ""
        return f"{_MARKS[self.status]} {self.subject}: {asked}{remedy}"


def good(subject: str, found: str) -> Answer:
    """All is well."""
    return Answer(subject=subject, status="good", found=found)


def bad(subject: str, *, asked: str, found: str, remedy: str) -> Answer:
    """Something that a run would fail by."""
    return Answer(subject=subject, status="bad", asked=asked, found=found, remedy=remedy)


def note(subject: str, *, asked: str, found: str, remedy: str = "") -> Answer:
    """Something that one should know of."""
    return Answer(subject=subject, status="note", asked=asked, found=found, remedy=remedy)


def unseen(subject: str, what: str) -> Answer:
    """Something that whoever asks may not look at."""
    return Answer(
        subject=subject,
        status="unseen",
        found=f"you may not read {what}",
        remedy="ask an administrator to run this command, or for the right",
    )


def passed(answers: Iterable[Answer]) -> bool:
    """Whether nothing bad was found."""
    return all(answer.status != "bad" for answer in answers)
