"""Repairs, done: the same ones at ingestion, validation, scoring and in the server, before anything looks at values.

What counts as missing is so before the repairs. A value that cannot be repaired becomes missing, and is counted.

Shapes: N rows of a batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
import re
from typing import Any
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.tables.column_types import as_type, MISSING_NUMBERS, type_of_stored, type_of_texts
from components.shared.tables.repair_spec import final_name, Repair, repairs_of
from components.shared.tables.value_cleaning import ValueCleaning

_TIME_CODES = re.compile(r"%[HIMSfpXc]")
_SHOWN_CHARACTERS = 40
_DEFAULT_CLEANING = ValueCleaning()


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedRepair:
    """Values of one column that could not be repaired.

    Attributes
    ----------
    column
        Its name after all repairs.
    count
        How many.
    row, value
        The first one: its row, numbered from 0, and what it is, as text.
    wanted
        What it should have been: "a number".
    """

    column: str
    count: int
    row: int
    value: str
    wanted: str

    def sentence(self, row_name: str, *, is_personal: bool) -> str:
        """What a person is told; a value of personal data is not shown."""
        shown = self.value if len(self.value) <= _SHOWN_CHARACTERS else f"{self.value[:_SHOWN_CHARACTERS]}…"
        first = "the first" if is_personal else repr(shown)
        values, counts = ("value", "counts") if self.count == 1 else ("values", "count")
        return (
            f"{self.count:,} {values} of column {self.column!r} cannot be repaired and {counts} as missing: {first} "
            f"({row_name}) is not {self.wanted}"
        )


@dataclass(kw_only=True, slots=True)
class FailedRepairs:
    """What could not be repaired of a stream's rows; `num_rows` are those that went through."""

    num_rows: int = 0
    by_column: dict[str, FailedRepair] = field(default_factory=dict)

    def add(self, column: str, failed: pa.Array, values: pa.Array, wanted: str) -> None:
        """Count what failed, (N,) of truth values, among the values (N,) of a column of the next rows."""
        count = pc.sum(failed).as_py() or 0
        if not count:
            return
        known = self.by_column.get(column)
        if known is not None:
            self.by_column[column] = replace(known, count=known.count + count)
            return
        row = pc.index(failed, True).as_py()
        found = FailedRepair(
            column=column, count=count, row=self.num_rows + row, value=str(values[row].as_py()), wanted=wanted
        )
        self.by_column[column] = found


def repaired(
    columns: Mapping[str, pa.Array],
    repairs: Sequence[Repair],
    *,
    cleaning: ValueCleaning = _DEFAULT_CLEANING,
    failed: FailedRepairs | None = None,
    is_typed: bool = True,
) -> dict[str, pa.Array]:
    """Repair columns of N rows, of which there may be some or all.

    Parameters
    ----------
    columns
        Shape (N,) each, by their names in the data: texts as a file of text has them, or values of a typed file.
    repairs
        All of the table's; those of other columns are left out.
    cleaning
        Says what is missing before the repairs, and whether white space at the ends of texts counts.
    failed
        Receives what could not be repaired.
    is_typed
        Whether columns have types; in a file of text all are texts, also after their repair, and types are found later.

    Returns
    -------
    dict
        The columns by their names after the repairs, in the same order. A column whose values no repair changes stays
        as it is; others are numbers where they were scaled, else texts, null where missing.
    """
    found = dict(columns)
    # Names after all repairs by those of now.
    final = {name: final_name(name, repairs) for name in columns}
    cleaned: set[str] = set()
    for repair in repairs:
        name = repair.column
        if name not in found:
            continue
        if repair.rename is not None:
            found = {repair.rename if other == name else other: values for other, values in found.items()}
            final[repair.rename] = final.pop(name)
            cleaned = {repair.rename if other == name else other for other in cleaned}
            continue
        if name not in cleaned:
            found[name] = _cleaned(found[name], cleaning)
            cleaned.add(name)
        before = found[name]
        found[name] = _changed(before, repair, cleaning, is_typed=is_typed)
        if failed is not None:
            failed.add(final[name], pc.and_(_is_known(before, repair), pc.is_null(found[name])), before, wanted(repair))
    if failed is not None:
        failed.num_rows += len(next(iter(found.values()), ()))
    return found


def repaired_type(name: str, kind: pa.DataType, repairs: Sequence[Repair]) -> pa.DataType:
    """Type of a typed file's column after its repairs; see `repaired`. `name` is the column's after them.

    Raises
    ------
    ValueError
        If a repair changes values that are no numbers, texts, dates or times.
    """
    own = [repair for repair in repairs_of([name], repairs) if repair.changes_values]
    if own and type_of_stored(kind) is None:
        raise ValueError(f"repairs must change columns of numbers, texts or times, but {name!r} holds {kind}")
    for repair in own:
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        if repair.date is not None and pa.types.is_temporal(plain):
            continue
        if repair.strip:
            kind = pa.string() if _is_text(plain) else kind
        elif repair.is_of_numbers:
            kind = pa.float64()
        else:
            kind = pa.string()
    return kind


def wanted(repair: Repair) -> str:
    """What a value must be to be repaired."""
    return "a number" if repair.is_of_numbers else f"a date of the form {repair.date}"


def _is_known(values: pa.Array, repair: Repair) -> pa.Array:
    if repair.is_of_numbers and _is_text(values.type):
        words = pc.is_in(values, value_set=pa.array(MISSING_NUMBERS))
        return pc.and_(pc.is_valid(values), pc.invert(words))
    return pc.is_valid(values)


def _cleaned(values: pa.Array, cleaning: ValueCleaning) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if _is_text(values.type):
        return cleaning.column(values, pa.string())
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return cleaning.typed(values)


def _changed(values: pa.Array, repair: Repair, cleaning: ValueCleaning, *, is_typed: bool) -> pa.Array:
    """Values (N,) after one repair, null where it cannot be done."""
    if repair.strip:
        return pc.utf8_trim_whitespace(values) if _is_text(values.type) else values
    if repair.is_of_numbers:
        numbers = _scaled(values, repair)
        return numbers if is_typed else pa.array(_written(numbers), pa.string())
    if repair.map:
        return _mapped(as_type(values, pa.string()), repair, cleaning)
    if pa.types.is_temporal(values.type):
        return values
    return _iso_times(as_type(values, pa.string()), repair.date or "")


def _scaled(values: pa.Array, repair: Repair) -> pa.Array:
    scale, offset = 1.0 if repair.scale is None else repair.scale, repair.offset or 0.0
    numbers = pc.add(pc.multiply(_numbers(values), scale), offset)
    return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))


def _written(numbers: pa.Array) -> list[str | None]:
    """Numbers as text with all their digits, whole ones without a point."""
    return [
        None if number is None else str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
        for number in numbers.to_pylist()
    ]


def _numbers(values: pa.Array) -> pa.Array:
    """float64, null where a value is missing or no number."""
    if not _is_text(values.type):
        return as_type(values, pa.float64())
    if type_of_texts(values) not in (pa.string(), pa.null()):
        return as_type(values, pa.float64())
    coded = values.dictionary_encode()
    return pa.array([_number(text) for text in coded.dictionary.to_pylist()], pa.float64()).take(coded.indices)


def _number(text: str) -> float | None:
    one = pa.array([text], pa.string())
    return None if type_of_texts(one) in (pa.string(), pa.null()) else as_type(one, pa.float64())[0].as_py()


def _mapped(texts: pa.Array, repair: Repair, cleaning: ValueCleaning) -> pa.Array:
    pairs = {_key(text, cleaning): value for text, value in repair.map.items()}
    known = pc.index_in(texts, value_set=pa.array(list(pairs), pa.string()))
    return pc.coalesce(pa.array(list(pairs.values()), pa.string()).take(known), texts)


def _key(text: str, cleaning: ValueCleaning) -> str:
    composed = unicodedata.normalize("NFC", text)
    return composed if cleaning.keep_spaces else composed.strip()


def _iso_times(texts: pa.Array, form: str) -> pa.Array:
    coded = texts.dictionary_encode()
    return pa.array([_iso_time(text, form) for text in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def _iso_time(text: str, form: str) -> str | None:
    try:
        moment = datetime.strptime(text.strip(), form)
    except ValueError:
        return None
    return moment.isoformat() if _TIME_CODES.search(form) else moment.date().isoformat()


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
