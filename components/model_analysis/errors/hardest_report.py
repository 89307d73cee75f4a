"""The hardest examples in a report: images as a gallery, texts and rows of a table as tables; the worst numbers."""

from collections.abc import Sequence
import math
from typing import Any

from components.model_analysis.errors.hardest_examples import ScoredExample
from components.model_analysis.errors.largest_errors import MissedNumber
from components.modeling.images.thumbnails import thumbnail
from components.reporting.page import Cell, Picture, Report

MAX_COLUMNS = 6
_MAX_ID_CHARACTERS = 40
_MAX_TEXT_CHARACTERS = 240
_MAX_VALUE_CHARACTERS = 40


def add_examples(
    report: Report, examples: Sequence[ScoredExample], *, modality: str, columns: Sequence[str], caption: str
) -> None:
    """Add examples to a report, in their order.

    Of a table, `columns` are those whose values may be shown, the most telling first; the first `MAX_COLUMNS` are.
    """
    if modality == "image":
        report.gallery([_picture(example) for example in examples], caption=caption)
        return
    shown = list(columns[:MAX_COLUMNS]) if modality == "tabular" else ["text"]
    report.table(
        ["example", "label", "predicted", "probability", *shown],
        [_row(example, shown) for example in examples],
        caption=caption,
    )


def add_numbers(report: Report, examples: Sequence[MissedNumber], *, columns: Sequence[str], caption: str) -> None:
    """Add rows of a table whose label is a number, in their order; `columns` as in `add_examples`."""
    shown = list(columns[:MAX_COLUMNS])
    rows: list[list[Cell]] = []
    for example in examples:
        numbers = (example.label, example.predicted, example.predicted - example.label)
        known: list[Cell] = [_end(example.example_id), *(f"{number:.6g}" for number in numbers)]
        rows.append([*known, *(_cell(example.values[column], long=False) for column in shown)])
    report.table(["example", "label", "predicted", "error", *shown], rows, caption=caption)


def _picture(example: ScoredExample) -> Picture:
    right = example.label == example.predicted
    outcome = example.label if right else f"{example.label} → {example.predicted}"
    name = example.example_id
    return Picture(
        data=thumbnail(example.values["image"]),
        caption=f"{outcome} {example.probability:.3f} · {_end(name)}",
        alternative=f"example {name} labelled {example.label}, predicted {example.predicted}",
        tone="good" if right else "bad",
    )


def _row(example: ScoredExample, columns: Sequence[str]) -> list[Cell]:
    known: list[Cell] = [_end(example.example_id), example.label, example.predicted, f"{example.probability:.3f}"]
    return [*known, *(_cell(example.values[column], long=column == "text") for column in columns)]


def _cell(value: Any, *, long: bool) -> Cell:
    """A value as it stands in the data: no separators in years and codes."""
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else None
    if isinstance(value, str):
        return _beginning(value, _MAX_TEXT_CHARACTERS if long else _MAX_VALUE_CHARACTERS)
    return None if value is None else str(value)


def _beginning(text: str, num_characters: int) -> str:
    return text if len(text) <= num_characters else f"{text[: num_characters - 1]}…"


def _end(name: str) -> str:
    """The end of a path tells more than its beginning."""
    return name if len(name) <= _MAX_ID_CHARACTERS else f"…{name[1 - _MAX_ID_CHARACTERS :]}"
