"""Corrections of labels, as people write them into a list, and their merge into a new version of an example table.

Corrections are a CSV with the columns `example_id`, `verdict` (`right` or `wrong`, may be absent or empty) and
`corrected_label`. A row that says neither is not judged yet, and changes nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
import csv
from dataclasses import dataclass
import io
from pathlib import Path
import unicodedata

import fsspec

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_versions.folder import version_folder
from components.shared.contracts.label_versions.merging import merge_updates, MergedLabels
from components.shared.contracts.label_versions.updates import LabelUpdate
from components.shared.runtime.errors import ContractError
from components.shared.tables.sources import readable_store_errors
from components.shared.tables.spreadsheet_cells import unguarded_cell

ID, VERDICT, CORRECTED = "example_id", "verdict", "corrected_label"
RIGHT, WRONG = "right", "wrong"
_YES = frozenset({RIGHT, "ok", "correct", "yes", "true", "1"})
_NO = frozenset({WRONG, "incorrect", "no", "false", "0"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """What a person said of one label.

    Attributes
    ----------
    example_id
        Of the example, as the list had it.
    is_wrong
        Whether the given label is wrong.
    label
        The right one; None where only a verdict was given: a label that is right stays, one that is wrong is removed.
    """

    example_id: str
    is_wrong: bool
    label: str | None = None


def read_corrections(source: str | Path) -> list[Correction]:
    """Read what people filled in.

    Parameters
    ----------
    source
        A CSV at a path or an fsspec URI: UTF-8, with commas, semicolons or tabs, as spreadsheets save it.

    Returns
    -------
    list[Correction]
        In the file's order; rows that were not judged yet are left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ContractError
        If it is not UTF-8, lacks a column, has an example twice, or a verdict that is none.
    """
    text = _text(str(source))
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [name.strip() for name in rows.fieldnames or ()]
    rows.fieldnames = names
    if ID not in names or not {VERDICT, CORRECTED} & set(names):
        raise ContractError(
            f"{source} must have the column {ID} and {VERDICT} or {CORRECTED}, it has {', '.join(names) or 'none'}"
        )
    try:
        found = [_correction(row, where=f"{source}, row {number}") for number, row in enumerate(rows, start=2)]
    except csv.Error as error:
        raise ContractError(f"{source} must be a CSV file with cells of at most 128 KiB: {error}") from error
    judged = [correction for correction in found if correction is not None]
    repeated = [name for name, times in Counter(item.example_id for item in judged).items() if times > 1]
    if repeated:
        raise ContractError(f"{source} must judge each example once, got {repeated[0]!r} twice: remove one of its rows")
    return judged


def merge_labels(table: ExampleTable, corrections: Sequence[Correction], path: str | Path) -> MergedLabels:
    """Write a new version of an example table with corrected labels; see `merge_updates`, which merges all labels.

    A label that is wrong and has no other is removed.

    Parameters
    ----------
    table
        The example table that the corrections are of, of classes.
    corrections
        At most one an example.
    path
        Folder of the new table; not the old one's, and one that holds no other table.

    Raises
    ------
    ContractError
        If the label is a number, the table is a pool, `path` holds another table, or a correction is of no example of
        the table or gives a label that is no class of it; then there is no new table.
    """
    updates = [
        LabelUpdate(example_id=told.example_id, label=told.label, is_confirmed=told.label is None and not told.is_wrong)
        for told in corrections
    ]
    with version_folder(path, table) as part:
        return merge_updates(table, updates, part, kind="corrections", is_strict=True)


def _text(source: str) -> str:
    sentence = f"the corrections {source} must be a CSV that can be read"
    with readable_store_errors(sentence):
        filesystem, place = fsspec.core.url_to_fs(source)
        data = filesystem.cat_file(place) if filesystem.isfile(place) else None
    if data is None:
        raise FileNotFoundError(f"the corrections must be a CSV file, but there is none at {source}")
    try:
        return str(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ContractError(f"the corrections {source} must be in UTF-8: save the sheet as CSV UTF-8") from error


def _correction(row: Mapping[str, str | None], *, where: str) -> Correction | None:
    """What a row says; None where it is not judged yet."""
    cells = {name: unguarded_cell((row.get(name) or "").strip()) for name in (ID, VERDICT, CORRECTED)}
    verdict = cells[VERDICT].casefold()
    if not verdict and not cells[CORRECTED]:
        return None
    if verdict and verdict not in _YES | _NO:
        raise ContractError(f"{where}: {VERDICT} must be {RIGHT}, {WRONG} or empty, got {cells[VERDICT]!r}")
    if not cells[ID]:
        raise ContractError(f"{where}: {ID} must not be empty where there is a verdict")
    given = unguarded_cell((row.get("given_label") or "").strip())
    is_wrong = verdict in _NO if verdict else _plain(cells[CORRECTED]) != _plain(given)
    if cells[CORRECTED] and given and is_wrong == (_plain(cells[CORRECTED]) == _plain(given)):
        raise ContractError(
            f"{where}: {VERDICT} and {CORRECTED} must agree, but the label {given!r} is called {cells[VERDICT]} and "
            f"corrected to {cells[CORRECTED]!r}"
        )
    return Correction(example_id=cells[ID], is_wrong=is_wrong, label=cells[CORRECTED] or None)


def _plain(label: str) -> str:
    return unicodedata.normalize("NFC", label)
