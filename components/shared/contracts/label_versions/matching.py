"""Which rows of a table identifiers mean: as the table has them, or hashed, as scoring does with personal data."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import ExampleTable
from components.shared.tables.personal_columns import hashed_texts, kept_columns

NO_MATCH = -1


class ExampleMatcher:
    """Finds the rows of one table that some identifiers mean."""

    def __init__(self, table: ExampleTable, example_ids: Sequence[str]) -> None:
        self._wanted = pa.array(example_ids, pa.string())
        self._is_hashed = "example_id" not in kept_columns(table.schema)

    def places(self, ids: pa.Array) -> np.ndarray:
        """For each of N rows the place among the wanted identifiers, or `NO_MATCH`; shape (N,), int64."""
        found = pc.index_in(ids, value_set=self._wanted)
        if self._is_hashed and found.null_count:
            found = pc.coalesce(found, pc.index_in(hashed_texts(ids), value_set=self._wanted))
        return pc.fill_null(found, NO_MATCH).to_numpy(zero_copy_only=False).astype(np.int64)
