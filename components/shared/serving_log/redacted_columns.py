"""Personal data in a log's columns: hashed where they are declared, or tell who somebody is; masked in other texts."""

from collections.abc import Collection

import pyarrow as pa

from components.shared.contracts.example_table import ColumnRole
from components.shared.tables.personal_columns import hashed_texts, masked_texts
from components.shared.tables.personal_key import keyed_hashes


def redacted_column(
    name: str, values: pa.Array, roles: Collection[ColumnRole], *, kept: Collection[str] = ()
) -> pa.Array:
    """A column as the log keeps it; what is redacted already stays as it is.

    Columns declared as personal hold keyed hashes. Payload, features and predictions stay as they are, and so do `kept`
    columns. Texts of identifiers and groups are hashed where they hold personal data, other texts are masked there.
    """
    if "pii" in roles:
        return keyed_hashes(values)
    if name in kept or {"payload", "feature", "prediction"} & set(roles):
        return values
    return hashed_texts(values) if {"id", "group"} & set(roles) else masked_texts(values)
