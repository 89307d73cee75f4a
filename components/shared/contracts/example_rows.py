"""What an example table knows of scored examples and the predictions table does not keep: groups and content ids.

Shapes: N scored examples of some splits, in the predictions table's order.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.tables.personal_columns import hashed_texts, kept_columns

NO_GROUP = -1


def groups_of(examples: ExampleTable, table: PredictionsTable, splits: Sequence[str]) -> np.ndarray | None:
    """Number of each scored example's group, shape (N,), int64; `NO_GROUP` where it has none.

    None where the table has no group column, or no two examples are of one group. What a group is called is not kept.
    """
    names = examples.info.columns_of("group")
    if not names:
        return None
    values = looked_up(examples, table, names[0], splits).dictionary_encode()
    numbers = pc.fill_null(values.indices, NO_GROUP).to_numpy(zero_copy_only=False).astype(np.int64)
    return None if len(np.unique(numbers[numbers >= 0])) == int((numbers >= 0).sum()) else numbers


def content_ids_of(
    examples: ExampleTable, table: PredictionsTable, splits: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Content id of each scored example, shape (N,), uint64, and whether it is known, shape (N,), bool."""
    if "content_id" not in examples.schema.names:
        num_rows = len(example_ids_of(table, splits))
        return np.zeros(num_rows, np.uint64), np.zeros(num_rows, dtype=bool)
    values = looked_up(examples, table, "content_id", splits)
    known = values.is_valid().to_numpy(zero_copy_only=False)
    return pc.fill_null(values, 0).to_numpy(zero_copy_only=False).astype(np.uint64), known


def example_ids_of(table: PredictionsTable, splits: Sequence[str]) -> pa.Array:
    """Identifiers of the scored examples, shape (N,)."""
    return table.read(["example_id"], splits=splits).column(0).combine_chunks()


def example_rows_of(examples: ExampleTable, table: PredictionsTable, splits: Sequence[str]) -> np.ndarray:
    """Where each scored example stands among the rows of those splits in the example table, shape (N,), int64."""
    ids = examples.read(["example_id"], splits=splits).column(0).combine_chunks()
    return _places(examples, ids, table, splits).to_numpy(zero_copy_only=False).astype(np.int64)


def looked_up(examples: ExampleTable, table: PredictionsTable, column: str, splits: Sequence[str]) -> pa.Array:
    """A column of the example table for each scored example, shape (N,)."""
    rows = examples.read(["example_id", column], splits=splits).combine_chunks()
    ids, values = (rows.column(number).combine_chunks() for number in range(2))
    return values.take(_places(examples, ids, table, splits))


def _places(examples: ExampleTable, ids: pa.Array, table: PredictionsTable, splits: Sequence[str]) -> pa.Array:
    if "example_id" not in kept_columns(examples.schema):
        ids = hashed_texts(ids)  # as the predictions table has them
    return pc.index_in(example_ids_of(table, splits), value_set=ids)
