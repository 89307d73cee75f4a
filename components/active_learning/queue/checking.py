"""Answers held against what was asked: whose row each is, whether it shows what was exported, which class it names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import re
import unicodedata

from components.active_learning.queue.answers import Answer, Fault, FaultKind
from components.active_learning.queue.examples import QueueExample
from components.active_learning.queue.sheet import shown_name
from components.shared.contracts.label_matching import LabelMatcher

_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}:\d{2}")
_TRUTH = frozenset({"true", "false"})
_TOLERANCE = 1e-5
_SHOWN_BEFORE = 40
# Excel keeps 32,767.
_MOST_CHARACTERS_A_CELL = 32_000


@dataclass(kw_only=True, slots=True)
class CheckedAnswers:
    """What may be counted.

    Attributes
    ----------
    votes
        Class that each annotator gives, by example.
    rows
        Where each example was labelled, as pairs of file and row.
    """

    votes: dict[str, dict[str, str]] = field(default_factory=dict)
    rows: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def checked_answers(
    answers: Sequence[Answer], examples: Sequence[QueueExample], class_names: Sequence[str]
) -> CheckedAnswers:
    """Hold answers against the queue; each that does not fit is a fault, and of those that fit each annotator has one.

    Parameters
    ----------
    answers
        In the order of their files and rows.
    examples
        What was asked.
    class_names
        Among which people choose.
    """
    by_id = {example.request.example_id: example for example in examples}
    by_check = {example.check: example for example in examples}
    matcher = LabelMatcher(class_names)
    found = CheckedAnswers()
    given: dict[tuple[str, str], list[tuple[Answer, str]]] = {}
    for answer in answers:
        example = _example_of(answer, by_id, by_check)
        if example is None:
            found.faults.append(_unknown(answer, by_check))
            continue
        label = _class_of(answer.label, matcher, class_names)
        fault = _changed(answer, example) or _misspelled(answer, label, class_names)
        if fault is not None:
            found.faults.append(fault)
        if label is not None and (fault is None or not fault.is_rejected):
            given.setdefault((example.request.example_id, answer.annotator), []).append((answer, label))
    for (example_id, annotator), told in given.items():
        label = _one_label(told, found)
        if label is not None:
            found.votes.setdefault(example_id, {})[annotator] = label
            found.rows.setdefault(example_id, []).append((told[0][0].file, told[0][0].row))
    return found


def _example_of(
    answer: Answer, by_id: Mapping[str, QueueExample], by_check: Mapping[str, QueueExample]
) -> QueueExample | None:
    """The example that a row is of; an identifier that a spreadsheet took for a number is known by the check."""
    example = by_id.get(answer.example_id)
    meant = by_check.get(answer.check or "")
    if example is None and meant is not None and _same_number(answer.example_id, meant.request.example_id):
        return meant
    return example


def _unknown(answer: Answer, by_check: Mapping[str, QueueExample]) -> Fault:
    meant = by_check.get(answer.check or "")
    hint = "" if meant is None else f", {meant.request.example_id!r} by its check"
    return _fault(
        answer,
        "unknown_id",
        f"an example that was asked about{hint}",
        repr(answer.example_id) if answer.example_id else "no identifier",
        "take the identifier from the export",
    )


def _changed(answer: Answer, example: QueueExample) -> Fault | None:
    """What a row shows that the example does not."""
    if answer.check and answer.check != example.check:
        return _fault(
            answer,
            "changed_content",
            f"the check {example.check} of {example.request.example_id!r}",
            f"{answer.check!r}",
            "cells changed places (was one column sorted by itself?), or the pool is another one: take the row from "
            "the export",
        )
    for column, value in example.values.items():
        told = answer.values.get(shown_name(column), answer.values.get(column, value))
        if not _shows_same(told, value):
            return _fault(
                answer,
                "changed_content",
                f"{column} {_from_difference(_plain(value), _plain(told))!r}",
                f"{_from_difference(_plain(told), _plain(value))!r}",
                "the label may be of another text: take the row from the export",
            )
    return None


def _misspelled(answer: Answer, label: str | None, class_names: Sequence[str]) -> Fault | None:
    if label is None:
        return _fault(
            answer,
            "unknown_label",
            f"one of {', '.join(class_names)}",
            repr(answer.label),
            "write one of the classes, or leave the cell empty",
        )
    if answer.label != label:
        return _fault(
            answer,
            "spelled_otherwise",
            f"{label!r} as the table spells it",
            repr(answer.label),
            "nothing needs to be done",
            is_rejected=False,
        )
    return None


def _class_of(label: str, matcher: LabelMatcher, class_names: Sequence[str]) -> str | None:
    """The class that a label means: the same name, or the same number."""
    found = matcher.name(label)
    if found is None:
        same = [name for name in class_names if _same_number(label, name)]
        return same[0] if len(same) == 1 else None
    return found


def _one_label(told: Sequence[tuple[Answer, str]], found: CheckedAnswers) -> str | None:
    """What one annotator says of one example; None where it is two things."""
    (first, label), *others = told
    if any(other != label for _, other in others):
        names = ", ".join(dict.fromkeys(name for _, name in told))
        where = "; ".join(dict.fromkeys(f"{answer.file}, row {answer.row}" for answer, _ in told))
        found.faults += [
            _fault(
                answer,
                "conflict",
                f"one label by {answer.annotator or 'one person'}",
                f"{names} ({where})",
                "keep the one that is right",
            )
            for answer, _ in told
        ]
        return None
    found.faults += [
        _fault(
            answer,
            "double",
            f"one row by {answer.annotator or 'one person'}",
            f"the label of {first.file}, row {first.row}, again",
            "it counts once; remove one of the rows",
        )
        for answer, _ in others
    ]
    return label


def _fault(
    answer: Answer, kind: FaultKind, expected: str, found: str, remedy: str, *, is_rejected: bool = True
) -> Fault:
    return Fault(
        file=answer.file,
        row=answer.row,
        kind=kind,
        example_id=answer.example_id,
        expected=expected,
        found=found,
        remedy=remedy,
        is_rejected=is_rejected,
    )


def _shows_same(told: object, value: object) -> bool:
    """Whether a cell shows a value, however a spreadsheet writes it; dates have many forms and are not compared."""
    left, right = _plain(told), _plain(value)
    if left == right or (left.casefold() in _TRUTH and left.casefold() == right.casefold()):
        return True
    is_cut = len(left) >= _MOST_CHARACTERS_A_CELL and right.startswith(left)
    return is_cut or _is_date(right) or _same_number(left, right)


def _is_date(text: str) -> bool:
    return _DATE.match(text) is not None and len(text) <= len("2026-01-01T00:00:00.000000+00:00")


def _plain(value: object) -> str:
    """A value without what saving changes: Unicode form, line ends, runs of blanks."""
    return "" if value is None else " ".join(unicodedata.normalize("NFC", str(value)).split())


def _from_difference(text: str, other: str) -> str:
    """A long text from shortly before the place where it differs from another."""
    same = next((place for place, pair in enumerate(zip(text, other, strict=False)) if pair[0] != pair[1]), None)
    begin = max(0, (min(len(text), len(other)) if same is None else same) - _SHOWN_BEFORE)
    return text if len(text) <= 2 * _SHOWN_BEFORE else ("…" if begin else "") + text[begin : begin + 2 * _SHOWN_BEFORE]


def _same_number(left: str, right: str) -> bool:
    """Whether two texts are one number, as far as spreadsheets keep its digits."""
    try:
        first, second = float(left.replace(",", ".")), float(right)
    except ValueError:
        return False
    return abs(first - second) <= _TOLERANCE * abs(second)
