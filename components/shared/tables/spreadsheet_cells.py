"""Cells of a CSV that people open in a spreadsheet: a text that would run as a formula does not.

References
----------
OWASP, "CSV Injection": cells that begin with one of these characters are taken for formulas.
"""

from collections.abc import Iterable, Sequence
import csv
import io

FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_GUARD = "'"
_BOM = "\ufeff"


def guarded_cell(value: object) -> object:
    """A value as it may stand in a cell: an apostrophe before a text that begins like a formula, or like a guarded one.

    Numbers and None stay.
    """
    if not isinstance(value, str) or not value.lstrip(" " + _GUARD).startswith(FORMULA_BEGINS):
        return value
    return _GUARD + value


def unguarded_cell(text: str) -> str:
    """The text that `guarded_cell` was given; any other text as it is."""
    if text.startswith(_GUARD) and text.lstrip(" " + _GUARD).startswith(FORMULA_BEGINS):
        return text[1:]
    return text


def guarded_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV that spreadsheets open as UTF-8, with every cell guarded."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for row in (header, *rows):
        writer.writerow([guarded_cell(value) for value in row])
    return _BOM + text.getvalue()
