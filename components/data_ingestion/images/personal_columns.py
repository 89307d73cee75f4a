"""Personal data among a photo table's columns and identifiers: hashed or masked, as in tables of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from components.data_ingestion.images.columns import image_column_roles, PhotoTableColumns
from components.data_ingestion.images.labels import ImageEntry
from components.data_ingestion.personal_values import carried_values
from components.shared.contracts.problem import Problem
from components.shared.runtime.personal_forms import PersonalKind
from components.shared.tables.column_roles import PEEK_ROWS, personal_numbers
from components.shared.tables.column_types import as_type
from components.shared.tables.personal_columns import hashed_texts
from components.shared.tables.personal_key import keyed_hashes


def personal_number_columns(
    columns: pa.Table, entries: Sequence[ImageEntry], plan: PhotoTableColumns, problem: Problem
) -> dict[str, PersonalKind]:
    """`{name in the source: kind}` of the columns of numbers that hold personal data, by their first rows.

    `columns` are the table's, under their names in the example table.
    """
    first = {source: columns.column(name).slice(0, PEEK_ROWS) for name, source in plan.carried.items()}
    values = {name: column.combine_chunks() for name, column in first.items()}
    if plan.id is not None:
        ids = pa.array([entry.example_id for entry in entries[:PEEK_ROWS]], pa.string())
        values[plan.id] = as_type(ids, plan.types[plan.id])
    found = {name: personal_numbers(name, column, problem) for name, column in values.items()}
    return {name: kind for name, kind in found.items() if kind is not None}


def carried_columns(
    columns: pa.Table, plan: PhotoTableColumns, problem: Problem, personal: Mapping[str, PersonalKind]
) -> pa.Table:
    """The table's columns as the example table holds them."""
    roles = image_column_roles(problem, plan.carried, plan.image, personal)
    return pa.table(
        {
            name: carried_values(columns.column(name).combine_chunks(), roles[name], is_kept=source in problem.pii_keep)
            for name, source in plan.carried.items()
        }
    )


def carried_entries(
    entries: Sequence[ImageEntry],
    columns: pa.Table,
    plan: PhotoTableColumns,
    problem: Problem,
    personal: Mapping[str, PersonalKind],
) -> list[ImageEntry]:
    """The entries with identifiers as the example table holds them, and groups too; `columns` are those there."""
    if plan.id is not None and plan.id not in problem.pii_keep:
        ids = pa.array([entry.example_id for entry in entries], pa.string())
        is_personal = plan.id in problem.pii or plan.id in personal
        shown = (keyed_hashes(ids) if is_personal else hashed_texts(ids)).to_pylist()
        entries = [replace(entry, example_id=example_id) for entry, example_id in zip(entries, shown, strict=True)]
    group = next((name for name, source in plan.carried.items() if source == plan.group), None)
    if group is None:
        return [replace(entry, carried_group=entry.group) for entry in entries]
    groups = as_type(columns.column(group).combine_chunks(), pa.string()).to_pylist()
    return [replace(entry, carried_group=groups[entry.row or 0]) for entry in entries]
