"""What people said, as files hold it, and what is wrong with a row of one, in words that a person can act on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from components.shared.runtime.redaction import masked

FaultKind = Literal[
    "unknown_label",
    "missing_label",
    "several_labels",
    "spelled_otherwise",
    "unknown_id",
    "changed_content",
    "conflict",
    "double",
    "tie",
    "contested",
    "broken_encoding",
    "wrong_cells",
    "open_quote",
    "malformed",
    "not_merged",
]
_MAX_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What is wrong with one row of a file.

    Attributes
    ----------
    file, row
        The file's name, and the row as a spreadsheet counts it, the header being 1; tasks and records of a JSON file
        are counted from 1.
    expected, found, remedy
        What should be there, what is, and what to do.
    is_rejected
        Whether the row was left out; else it was merged nevertheless.
    """

    file: str
    row: int
    kind: FaultKind
    example_id: str
    expected: str
    found: str
    remedy: str
    is_rejected: bool = True

    def __post_init__(self) -> None:
        for name in ("example_id", "expected", "found"):
            object.__setattr__(self, name, _short(masked(getattr(self, name))))

    def __str__(self) -> str:
        outcome = self.remedy if self.is_rejected else f"merged nevertheless: {self.remedy}"
        return f"{self.file}, row {self.row}: {self.expected} was expected, got {self.found}; {outcome}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One label that one person gave to one example.

    Attributes
    ----------
    file, row
        As of a `Fault`.
    example_id, label, annotator
        As they were written.
    check
        The row's check; None where the file has none.
    values
        What the row shows of the example, by column.
    """

    file: str
    row: int
    example_id: str
    label: str
    annotator: str
    check: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class ReadAnswers:
    """What a file holds.

    Attributes
    ----------
    num_unlabelled, num_skipped
        Rows that nobody has labelled yet, and that somebody skipped.
    """

    answers: list[Answer] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    num_unlabelled: int = 0
    num_skipped: int = 0

    def extend(self, other: "ReadAnswers") -> None:
        """Add what another file holds."""
        self.answers += other.answers
        self.faults += other.faults
        self.num_unlabelled += other.num_unlabelled
        self.num_skipped += other.num_skipped


def _short(text: str) -> str:
    return text if len(text) <= _MAX_CHARACTERS else text[: _MAX_CHARACTERS - 1] + "…"
