"""A source's columns as the example table holds them: personal data hashed, or masked value by value."""

from collections.abc import Collection

import pyarrow as pa

from components.shared.contracts.example_table import ColumnRole
from components.shared.tables.personal_columns import hashed_texts, masked_texts
from components.shared.tables.personal_key import keyed_hashes


def carried_values(values: pa.Array, roles: Collection[ColumnRole], *, is_kept: bool) -> pa.Array:
    """Values (N,) of a column, by its roles: features stay, for training needs them.

    Identifiers and groups that tell who somebody is are hashed, so that they stay apart. `is_kept`: the problem file
    keeps the column's personal data.
    """
    if "pii" in roles:
        return keyed_hashes(values)
    if is_kept or "feature" in roles:
        return values
    return hashed_texts(values) if {"group", "id"} & set(roles) else masked_texts(values)
