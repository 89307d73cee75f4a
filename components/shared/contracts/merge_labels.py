"""Labels that people corrected, merged into a new version of an example table; the old one stays as it is.

Corrections are a CSV with the columns `example_id`, `verdict` (`right` or `wrong`, may be absent or empty) and
`corrected_label`. A row that says neither is not judged yet, and changes nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
import csv
from dataclasses import dataclass, replace
import io
from pathlib import Path
import unicodedata

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import (
    ExampleTable,
    ExampleTableWriter,
    PAYLOAD_COLUMNS,
    PROVENANCE_COLUMNS,
)
from components.shared.runtime.errors import ContractError
from components.shared.tables.personal_columns import hashed_texts, kept_columns
from components.shared.tables.sources import readable_store_errors
from components.shared.tables.spreadsheet_cells import unguarded_cell

ID, VERDICT, CORRECTED = "example_id", "verdict", "corrected_label"
RIGHT, WRONG = "right", "wrong"
_YES = frozenset({RIGHT, "ok", "correct", "yes", "true", "1"})
_NO = frozenset({WRONG, "incorrect", "no", "false", "0"})
_BASE_COLUMNS = frozenset({ID, "split", "label"})


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


@dataclass(frozen=True, kw_only=True, slots=True)
class MergedLabels:
    """What a merge did.

    Attributes
    ----------
    num_changed, num_removed, num_confirmed
        Labels that are another class now, that are none any more, and that a person found right.
    changes
        How many labels went from one to another, by both names; the empty text stands for no label.
    """

    num_changed: int
    num_removed: int
    num_confirmed: int
    changes: Mapping[tuple[str, str], int]


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
    """Write a new version of an example table with corrected labels.

    A label that a person gave or confirmed is a person's from then on, by the table's definition of the label
    (`label_source`, `label_version`); everything else is copied as it is. A label that is wrong and has no other is
    removed. Active learning labels a table's unlabelled examples the same way.

    Parameters
    ----------
    table
        The example table that the corrections are of, of classes.
    corrections
        At most one an example. Identifiers that scoring hashed, for they hold personal data, are recognised.
    path
        Folder of the new table; not the old one's.

    Raises
    ------
    ContractError
        If the label is a number, the table is a pool, `path` is the table itself, or a correction is of no example of
        the table or gives a label that is no class of it.
    """
    _check(table, path)
    by_id = {told.example_id: replace(told, label=_class_of(told, table)) for told in corrections}
    used: set[str] = set()
    changes: Counter[tuple[str, str]] = Counter()
    num_confirmed = 0
    with _new_version(table, path) as writer:
        for batch in table.iter_batches(_columns(table)):
            keys = _keys(batch.column(ID), by_id, hashed=ID not in kept_columns(table.schema))
            merged, found, confirmed = _merged(batch, [by_id.get(key) for key in keys], table.info.label_version)
            used.update(key for key in keys if key in by_id)
            changes.update(found)
            num_confirmed += confirmed
            writer.write(merged)
        absent = [name for name in by_id if name not in used]
        if absent:
            raise ContractError(
                f"corrections must be of examples of {table.path}, but {len(absent)} are not, {absent[0]!r} first: "
                f"give the table that the list was made from"
            )
    num_removed = sum(times for (_, label), times in changes.items() if not label)
    return MergedLabels(
        num_changed=changes.total() - num_removed,
        num_removed=num_removed,
        num_confirmed=num_confirmed,
        changes=dict(changes),
    )


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


def _check(table: ExampleTable, path: str | Path) -> None:
    if table.info.task == "regression":
        raise ContractError(f"labels that are corrected must be classes, but those of {table.path} are numbers")
    if table.info.is_pool:
        raise ContractError(f"{table.path} must be a table with splits, but is a pool: ingest it with its new labels")
    if Path(path).resolve() == table.path.resolve():
        raise ContractError(f"the new version must get a folder of its own, got that of the table itself, {path}")


def _class_of(correction: Correction, table: ExampleTable) -> str | None:
    """The class that a corrected label means, whatever its case or Unicode form; None where there is none."""
    if correction.label is None or correction.label in table.info.class_names:
        return correction.label
    same = [name for name in table.info.class_names if _plain(name).casefold() == _plain(correction.label).casefold()]
    if len(same) != 1:
        raise ContractError(
            f"the corrected label of {correction.example_id!r} must be one of {', '.join(table.info.class_names)}, "
            f"got {correction.label!r}: leave it empty, with the verdict {WRONG}, for an example of no class"
        )
    return same[0]


def _new_version(table: ExampleTable, path: str | Path) -> ExampleTableWriter:
    own = {*_BASE_COLUMNS, *PROVENANCE_COLUMNS, *(name for name, _ in PAYLOAD_COLUMNS[table.info.modality])}
    extra = {field.name: field.type for field in table.schema if field.name not in own}
    writer = ExampleTableWriter(path, table.info, extra_columns=extra)
    writer.keep_personal(kept_columns(table.schema))
    return writer


def _columns(table: ExampleTable) -> list[str]:
    """The table's columns, and those of the label's provenance, which tables of version 1 lack."""
    return list(dict.fromkeys([*table.schema.names, *PROVENANCE_COLUMNS]))


def _keys(ids: pa.Array, by_id: Mapping[str, Correction], *, hashed: bool) -> list[str]:
    """What each example is called in the corrections, shape (B,)."""
    names = ids.to_pylist()
    others = hashed_texts(ids).to_pylist() if hashed else names
    return [name if name in by_id else other for name, other in zip(names, others, strict=True)]


def _merged(
    batch: pa.RecordBatch, corrections: Sequence[Correction | None], version: int
) -> tuple[pa.RecordBatch, Counter[tuple[str, str]], int]:
    """A batch with its corrections, how many labels went from one to another, and how many were confirmed."""
    columns = {name: batch.column(place) for place, name in enumerate(batch.schema.names)}
    labels = columns["label"].to_pylist()
    changes: Counter[tuple[str, str]] = Counter()
    merged, num_confirmed = list(labels), 0
    for row, correction in enumerate(corrections):
        if correction is None:
            continue
        if correction.label is not None or correction.is_wrong:
            merged[row] = correction.label
        if merged[row] == labels[row]:
            num_confirmed += labels[row] is not None
        else:
            changes[labels[row] or "", merged[row] or ""] += 1
    judged = pa.array(np.array([correction is not None for correction in corrections], dtype=bool))
    columns["label"] = pa.array(merged, columns["label"].type)
    person = pc.if_else(columns["label"].is_valid(), pa.scalar("person"), pa.scalar(None, pa.string()))
    columns["label_source"] = pc.if_else(judged, person, columns["label_source"])
    columns["label_version"] = pc.if_else(judged, pa.scalar(version, pa.int32()), columns["label_version"])
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns)), changes, num_confirmed
