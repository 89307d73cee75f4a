"""A filled-in sheet back: a CSV as spreadsheets save it, row by row, whatever one row may hold."""

from collections.abc import Collection, Iterator
import csv
import io

from components.active_learning.queue.answers import Answer, Fault, FaultKind, ReadAnswers
from components.active_learning.queue.examples import CHECK
from components.active_learning.queue.sheet import ANNOTATOR, CHECK_COLUMN, ID, LABEL
from components.shared.runtime.errors import ContractError
from components.shared.tables.spreadsheet_cells import unguarded_cell

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = ",;\t"
_SURROGATES = range(0xDC80, 0xDD00)


def read_sheet(data: bytes, *, file: str, annotator: str, checks: Collection[str]) -> ReadAnswers:
    """Read a CSV that people filled in.

    Parameters
    ----------
    data
        With commas, semicolons or tabs, in UTF-8, UTF-16 with its mark, or CP949.
    file, annotator
        The file's name, and who filled in rows that do not say so.
    checks
        The checks of all examples that were asked about: they show where a row begins.

    Raises
    ------
    ContractError
        If the file cannot be read at all: it is no CSV, or lacks a column.
    """
    if data.startswith(_WORKBOOKS):
        raise ContractError(f"{file} must be a CSV, but is a workbook of a spreadsheet: save it as CSV UTF-8")
    lines = list(io.StringIO(_text(data, file), newline=""))
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) == len("sep=") + 1:
        lines = ["\n", *lines[1:]]
    records = _records(lines, _delimiter(lines), checks)
    number, names = _header(records, file)
    found = ReadAnswers()
    for number, cells, is_open in records:
        if any(cell.strip() for cell in cells):
            _take(found, names, cells, file, number, annotator, is_open=is_open)
    return found


def _text(data: bytes, file: str) -> str:
    """The file's text; bytes that do not decode become single surrogates."""
    if data.startswith(_UTF16):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise ContractError(f"{file} must be text in UTF-16, as its mark says, but is damaged: {error}") from error
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    num_utf8 = sum(_decodes(line) for line in lines)
    encoding = "utf-8-sig" if num_utf8 * 2 >= len(lines) else "cp949"
    return data.decode(encoding, errors="surrogateescape")


def _decodes(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(lines: list[str]) -> str:
    first = next((line for line in lines if line.strip()), "")
    return max(_DELIMITERS, key=first.count)


def _header(records: Iterator[tuple[int, list[str], bool]], file: str) -> tuple[int, list[str]]:
    number, cells, _ = next(((number, cells, told) for number, cells, told in records if any(cells)), (0, [], False))
    names = [_plain_name(cell) for cell in cells]
    lacking = [name for name in (ID, LABEL) if name not in names]
    repeated = [name for name in (ID, CHECK_COLUMN, LABEL, ANNOTATOR) if names.count(name) > 1]
    if lacking or repeated:
        told = ", ".join(cell.strip() for cell in cells) or "none"
        raise ContractError(
            f"{file} must have the columns {ID} and {LABEL}, each once, it has {told[:200]}: fill in the file that was "
            "exported, and save it as CSV UTF-8"
        )
    return number, names


def _plain_name(cell: str) -> str:
    """A header's cell as the export has it: its own columns are known whatever their case."""
    name = unguarded_cell(cell.strip())
    own = (ID, CHECK_COLUMN, LABEL, ANNOTATOR)
    return name.casefold() if name.casefold() in own else name


class _Lines:
    """Lines, read one by one, that can be gone back to."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.place = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.place >= len(self.lines):
            raise StopIteration
        self.place += 1
        return self.lines[self.place - 1]


def _records(lines: list[str], delimiter: str, checks: Collection[str]) -> Iterator[tuple[int, list[str], bool]]:
    """Number, cells, and whether a quotation mark was never closed, of each record, the first being 1.

    A cell that holds another row's check swallowed that row: reading goes on there.
    """
    known = frozenset(checks)
    source = _Lines(lines)
    reader = csv.reader(source, delimiter=delimiter)
    number = 0
    while source.place < len(lines):
        begin = source.place
        try:
            cells, ends = next(reader, []), None
        except csv.Error:
            cells, ends = [], begin + 1
        others = range(begin + 1, source.place)
        ends = next((place for place in others if known & set(CHECK.findall(lines[place]))), ends)
        if ends is not None:
            source.place = ends
            reader = csv.reader(source, delimiter=delimiter)
            cells = lines[begin].replace('"', "").split(delimiter)
        number += 1
        yield number, cells, ends is not None


def _take(
    found: ReadAnswers, names: list[str], cells: list[str], file: str, row: int, annotator: str, *, is_open: bool
) -> None:
    """Add what one row says."""
    while len(cells) > len(names) and not cells[-1].strip():
        cells = cells[:-1]
    told = {name: unguarded_cell(cell) for name, cell in zip(names, cells, strict=False)}
    fault = _fault_of(names, cells, is_open=is_open)
    if fault is not None:
        kind, expected, what, remedy = fault
        found.faults.append(
            Fault(
                file=file,
                row=row,
                kind=kind,
                example_id=_readable(told.get(ID, "").strip()),
                expected=expected,
                found=what,
                remedy=remedy,
            )
        )
        return
    label = told[LABEL].strip()
    if not label:
        found.num_unlabelled += 1
        return
    found.answers.append(
        Answer(
            file=file,
            row=row,
            example_id=told[ID].strip(),
            label=told[LABEL],
            annotator=told.get(ANNOTATOR, "").strip() or annotator,
            check=told[CHECK_COLUMN].strip() if CHECK_COLUMN in told else None,
            values={name: value for name, value in told.items() if name not in (ID, CHECK_COLUMN, LABEL, ANNOTATOR)},
        )
    )


def _fault_of(names: list[str], cells: list[str], *, is_open: bool) -> tuple[FaultKind, str, str, str] | None:
    """Kind, what was expected, what was found, and what to do, of a row that cannot be read."""
    if is_open:
        return (
            "open_quote",
            "a closing quotation mark",
            "a cell that goes on into the next rows",
            "close the quotation mark, or write two of them for one in a text",
        )
    if any(ord(character) in _SURROGATES for cell in cells for character in cell):
        return (
            "broken_encoding",
            "text in the encoding of the other rows",
            "bytes of another one",
            "paste the row from the export, and save the sheet as CSV UTF-8",
        )
    if len(cells) != len(names):
        return (
            "wrong_cells",
            f"{len(names)} cells",
            f"{len(cells)}",
            "put cells that hold a separator into quotation marks, and leave the columns as they were exported",
        )
    return None


def _readable(text: str) -> str:
    """A text without single surrogates, which no file can hold."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
