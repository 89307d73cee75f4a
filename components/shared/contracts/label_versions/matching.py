"""Which rows of a table identifiers mean: as the table has them, or hashed, as scoring does with personal data."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import ExampleTable
from components.shared.runtime.errors import ContractError
from components.shared.tables.parquet_file import parquet_file
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


def matched_rows(
    table: ExampleTable, example_ids: Sequence[str], columns: Sequence[str] | None = None
) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """Rows that some identifiers mean, in the table's order, with the place of the identifier of each.

    Only row groups that hold such a row are read whole: of a million photos a thousand are looked at.

    Parameters
    ----------
    columns
        Columns to read; None for all.

    Raises
    ------
    ContractError
        If a shard is damaged.
    """
    matcher = ExampleMatcher(table, example_ids)
    wanted = list(table.schema.names if columns is None else columns)
    for shard in table.shards:
        file = parquet_file(shard)
        try:
            for group in range(file.num_row_groups):
                ids = file.read_row_group(group, columns=["example_id"]).column(0).combine_chunks()
                places = matcher.places(ids)
                rows = np.flatnonzero(places != NO_MATCH)
                if len(rows):
                    found = file.read_row_group(group, columns=wanted).select(wanted).take(pa.array(rows))
                    arrays = [column.combine_chunks() for column in found.columns]
                    yield pa.RecordBatch.from_arrays(arrays, wanted), places[rows]
        except (pa.ArrowInvalid, OSError) as error:
            raise ContractError(f"{shard} is damaged: {' '.join(str(error).split())}") from error
