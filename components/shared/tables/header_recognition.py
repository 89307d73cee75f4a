"""Whether the first row of a table names its columns, or is data already.

Names are the rule, and a first row is taken for data only where it speaks for that: where it says numbers above
numbers, or values that its columns hold again. Years, numbers in a row and other numbers in order are names, too.
"""

from collections import Counter
from collections.abc import Sequence
import itertools
import re

from components.shared.tables.column_types import MISSING_NUMBERS

# More than these are not looked at.
MAX_ROWS, MAX_CELLS = 1000, 200_000
_MIN_ROWS = 3
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_YEARS = (1800, 2200)
_USUAL_NAMES = frozenset({"id", "label", "target", "class", "text", "name", "date", "index", "document", "y"})
_MOST = 0.95
_MIN_ORDERED, _RARE = 3, 0.1
_LONGER = 3


def has_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether `first`, the first row of a file, names the columns of the `rows` below it.

    Rows with another number of values do not count. With fewer than three rows it does.
    """
    names = [cell.strip() for cell in first]
    body = [[cell.strip() for cell in row] for row in rows if len(row) == len(names)]
    if len(body) < _MIN_ROWS or _USUAL_NAMES.intersection(name.casefold() for name in names):
        return True
    num_repeated = num_texts = 0
    numbers: list[int] = []  # columns of numbers below a number
    for place, (name, values) in enumerate(zip(names, zip(*body, strict=True), strict=True)):
        present = [value for value in values if not _is_missing(value)]
        if _is_missing(name) or not present:
            continue
        if _are_numbers(present):
            if not _is_number(name):
                return True
            numbers.append(place)
            continue
        if _is_name_above(name, present):
            return True
        num_texts += 1
        num_repeated += name in present or _has_their_shape(name, present)
    says_data = 2 * num_repeated >= num_texts > 0
    if numbers and not says_data:
        return _are_names([names[place] for place in numbers], [[row[place] for place in numbers] for row in body])
    return not says_data


def _is_missing(cell: str) -> bool:
    return not cell or cell in MISSING_NUMBERS


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


def _are_numbers(values: Sequence[str]) -> bool:
    return sum(map(_is_number, values)) >= _MOST * len(values)


def _is_name_above(name: str, values: Sequence[str]) -> bool:
    """Whether a text cannot be one of the texts below it: a number's or a time's form, or their length, is missing."""
    if any(map(str.isdigit, name)):
        return False
    num_with_digits = sum(any(map(str.isdigit, value)) for value in values)
    lengths = sorted(map(len, values))
    is_short = len(name) < lengths[len(lengths) // 100] and _LONGER * len(name) <= lengths[len(lengths) // 2]
    return num_with_digits >= _MOST * len(values) or (is_short and name not in values)


def _has_their_shape(name: str, values: Sequence[str]) -> bool:
    """Whether a text with digits is built as the texts below it: `2013-01-02`, `u0421`."""
    shape = _shape(name)
    return "0" in shape and sum(_shape(value) == shape for value in values) >= _MOST * len(values)


def _shape(text: str) -> str:
    kinds = ("0" if letter.isdigit() else "a" if letter.isalpha() else letter for letter in text)
    return "".join(kind for kind, _ in itertools.groupby(kinds))


def _are_names(cells: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether numbers above columns of numbers are names: years, or numbers in an order that the rows do not have."""
    numbers = [float(cell) for cell in cells]
    if max(Counter(numbers).values()) > 1:
        return False
    whole = all(number.is_integer() for number in numbers)
    if whole and all(_YEARS[0] <= number <= _YEARS[1] for number in numbers) and not _hold_years(rows):
        return True
    steps = {after - before for before, after in itertools.pairwise(numbers)}
    if whole and steps <= {1.0} and numbers[0] in (0.0, 1.0):
        columns = ({float(cell) for cell in column if _is_number(cell)} for column in zip(*rows, strict=True))
        num_held = sum(number in values for number, values in zip(numbers, columns, strict=True))
        return 2 * num_held < len(numbers)
    if len(numbers) < _MIN_ORDERED or not (min(steps) > 0 or max(steps) < 0):
        return False
    return _ordered_share(rows, rising=min(steps) > 0) < _RARE


def _hold_years(rows: Sequence[Sequence[str]]) -> bool:
    """Whether one of the columns below holds nothing but years itself."""
    columns = ([float(cell) for cell in column if _is_number(cell)] for column in zip(*rows, strict=True))
    return any(values and all(_YEARS[0] <= value <= _YEARS[1] for value in values) for values in columns)


def _ordered_share(rows: Sequence[Sequence[str]], *, rising: bool) -> float:
    """Share of the rows that rise, or fall, from value to value."""
    num_ordered = 0
    for row in rows:
        pairs = itertools.pairwise(float(cell) for cell in row if _is_number(cell))
        num_ordered += all(before < after if rising else before > after for before, after in pairs)
    return num_ordered / len(rows)
