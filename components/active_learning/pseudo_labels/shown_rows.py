"""Examples of a pool as a report may show them: photos, or values without personal columns, masked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from components.active_learning.pseudo_labels.people_rows import columns_by_id
from components.shared.contracts.example_table import ExampleTable
from components.shared.tables.personal_columns import kept_columns, masked_texts

_MAX_COLUMNS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownRows:
    """N examples: encoded photos, or values by column; empty where the modality has the other."""

    photos: Sequence[bytes] = ()
    values: dict[str, Sequence[object]] = field(default_factory=dict)


def shown_rows(table: ExampleTable, ids: Sequence[str]) -> ShownRows:
    """What may be shown of some examples, in the order of `ids`, which are as the predictions table has them."""
    if not ids:
        return ShownRows()
    if table.info.modality == "image":
        return ShownRows(photos=columns_by_id(table, ids, ["image"])["image"].to_pylist())
    names = ["text"] if table.info.modality == "text" else _feature_columns(table)
    kept = kept_columns(table.schema)
    found = columns_by_id(table, ids, names)
    return ShownRows(
        values={name: (values if name in kept else masked_texts(values)).to_pylist() for name, values in found.items()}
    )


def _feature_columns(table: ExampleTable) -> list[str]:
    return [
        name
        for name in table.info.columns_of("feature")
        if name in table.schema.names and "pii" not in table.info.roles_of(name)
        if not pa.types.is_nested(table.schema.field(name).type)
    ][:_MAX_COLUMNS]
