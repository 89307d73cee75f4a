"""How a CSV or TSV file is built, as its first lines show: what separates its values, and whether names come first."""

from collections.abc import Iterator, Sequence
import csv
from dataclasses import dataclass
import io
from pathlib import PurePosixPath

from components.shared.tables.header_recognition import has_header, MAX_CELLS, MAX_ROWS
from components.shared.tables.opening import BLOCK_BYTES, check_num_columns, MAX_COLUMNS
from components.shared.tables.table_spec import TableSpec

_OTHER_DELIMITERS = (",", "\t", ";", "|")
_DELIMITER_WORDS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_SAMPLE_CHARACTERS = 1 << 18
_SAMPLE_ROWS = 5  # so many are looked at, however long they are


@dataclass(frozen=True, kw_only=True, slots=True)
class DelimitedForm:
    """How a file is built.

    Attributes
    ----------
    names
        Names of the columns as they stand in the file or the problem file, or as they are made.
    num_blank
        Blank lines before the first row.
    is_all
        Whether the first row is all there is.
    inferred
        What was recognised rather than told, one sentence each.
    """

    delimiter: str
    quoting: bool
    names: tuple[str, ...]
    has_header: bool
    num_blank: int
    is_all: bool
    inferred: tuple[str, ...]


def delimited_form(text: io.TextIOBase, spec: TableSpec, *, usual_delimiter: str, uri: str) -> DelimitedForm:
    """Look at the beginning of a text file; what `spec` leaves open is recognised.

    Raises
    ------
    ValueError
        If the file is empty, has too many columns, or another number of them than `table.columns` names.
    """
    lines, has_ended = _first_lines(text, uri)
    first_line = next((line for line in lines if line.strip()), "")
    delimiter = spec.delimiter or _recognised_delimiter(first_line, usual_delimiter)
    quoting = True if spec.quoting is None else spec.quoting
    reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE)
    num_blank, first = next(((number, row) for number, row in enumerate(reader) if row), (0, []))
    if not first:
        raise ValueError(f"{uri} must be a table with a header, but it is empty")
    check_num_columns(len(first), uri=uri)
    is_all = has_ended and reader.line_num == len(lines)
    inferred = []
    if spec.delimiter is None:
        inferred.append(f"values in {PurePosixPath(uri).name} are separated by {_DELIMITER_WORDS[delimiter]}")
    named, names, sentence = _names(first, reader, spec, uri)
    return DelimitedForm(
        delimiter=delimiter,
        quoting=quoting,
        names=names,
        has_header=named,
        num_blank=num_blank,
        is_all=is_all,
        inferred=(*inferred, *([sentence] if sentence else [])),
    )


def _names(
    first: Sequence[str], rows: Iterator[list[str]], spec: TableSpec, uri: str
) -> tuple[bool, tuple[str, ...], str]:
    """Whether the first row names the columns, their names, and what is to be said of it."""
    name = PurePosixPath(uri).name
    if spec.columns:
        return _given_names(first, spec, uri)
    if spec.header or (spec.header is None and has_header(first, _sampled(rows, len(first)))):
        return True, tuple(first), ""
    made = tuple(f"column_{number}" for number in range(1, len(first) + 1))
    called = f"its columns are called {made[0]} to {made[-1]}" if len(made) > 1 else f"its column is called {made[0]}"
    remedy = "" if spec.header is False else ", table.header: true takes its first line for names"
    return False, made, f"{name} has no header: {called} (table.columns gives them names{remedy})"


def _given_names(first: Sequence[str], spec: TableSpec, uri: str) -> tuple[bool, tuple[str, ...], str]:
    if len(spec.columns) != len(first):
        raise ValueError(
            f"table.columns must name every column of {uri}, which has {len(first):,}, but it has "
            f"{len(spec.columns):,} names"
        )
    repeats = [cell.strip() for cell in first] == [column.strip() for column in spec.columns]
    if spec.header is None and repeats:
        name = PurePosixPath(uri).name
        return True, tuple(spec.columns), f"the first line of {name} repeats table.columns, and is taken for its header"
    return bool(spec.header), tuple(spec.columns), ""


def _sampled(rows: Iterator[list[str]], num_columns: int) -> list[list[str]]:
    """Rows to recognise a header by, as far as they can be read."""
    found: list[list[str]] = []
    try:
        for row in rows:
            if row:
                found.append(row)
            if len(found) >= max(_SAMPLE_ROWS, min(MAX_ROWS, MAX_CELLS // num_columns)):
                break
    except csv.Error:
        pass  # a value that is too long to look at; reading says what is wrong, if anything is
    return found


def _first_lines(text: io.TextIOBase, uri: str) -> tuple[list[str], bool]:
    """The first lines, and whether they are all."""
    lines: list[str] = []
    num_characters = 0
    while num_characters < _SAMPLE_CHARACTERS or len(lines) < _SAMPLE_ROWS:
        line = text.readline(BLOCK_BYTES + 1)
        if not line:
            return lines, True
        if len(line) > BLOCK_BYTES:
            _refuse_long_line(line, uri)
        lines.append(line)
        num_characters += len(line)
    return lines, False


def _refuse_long_line(line: str, uri: str) -> None:
    num_columns = max(map(line.count, _OTHER_DELIMITERS))
    if num_columns > MAX_COLUMNS:
        check_num_columns(num_columns, uri=uri, at_least=True)
    raise ValueError(
        f"{uri} cannot be read as a table: a row may have at most {BLOCK_BYTES >> 20} MB; is a quote never closed?"
    )


def _recognised_delimiter(first_line: str, expected: str) -> str:
    if expected in first_line:
        return expected
    found = max(_OTHER_DELIMITERS, key=first_line.count)
    return found if found in first_line else expected
