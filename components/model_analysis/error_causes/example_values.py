"""What an example table holds of some examples, whose identifiers are as a predictions table has them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import ExampleTable
from components.shared.tables.personal_columns import hashed_texts, kept_columns

_BATCH_ROWS = 256


def values_of(
    examples: ExampleTable, example_ids: Sequence[str], columns: Sequence[str], *, splits: Sequence[str] | None = None
) -> dict[str, pa.Array]:
    """Columns of some examples, in the order of `example_ids`; null throughout where the table lacks an example."""
    names, wanted = list(dict.fromkeys(["example_id", *columns])), pa.array(list(example_ids), pa.string())
    parts = []
    for batch in examples.iter_batches(names, splits=splits, batch_rows=_BATCH_ROWS):
        ids = batch.column(0)
        if "example_id" not in kept_columns(examples.schema):
            ids = hashed_texts(ids)
        chosen = pc.is_in(ids, value_set=wanted)
        if pc.any(chosen).as_py():
            arrays = [ids, *(batch.column(number) for number in range(1, len(names)))]
            parts.append(pa.RecordBatch.from_arrays(arrays, names).filter(chosen))
    if not parts:
        return {name: pa.nulls(len(wanted)) for name in names}
    table = pa.Table.from_batches(parts).combine_chunks()
    places = pc.index_in(wanted, value_set=table.column(0).combine_chunks())
    return {name: table.column(name).combine_chunks().take(places) for name in names}


def drawn_training_ids(examples: ExampleTable, class_names: Sequence[str], number: int, *, seed: int) -> list[str]:
    """Identifiers of up to `number` training examples that people labelled with a known class, drawn by chance."""
    table = examples.read(["example_id", "label", "label_source"], splits=["train"])
    labels, sources = table.column("label"), table.column("label_source")
    known = pc.and_(
        pc.is_in(labels, value_set=pa.array(list(class_names), labels.type)),
        pc.fill_null(pc.equal(sources, "person"), True),
    )
    ids = table.column(0).combine_chunks()
    if "example_id" not in kept_columns(examples.schema):
        ids = hashed_texts(ids)
    rows = np.flatnonzero(np.asarray(known.combine_chunks() if isinstance(known, pa.ChunkedArray) else known))
    if len(rows) > number:
        rows = np.sort(np.random.default_rng(seed).choice(rows, number, replace=False))
    found: list[str] = ids.take(pa.array(rows)).to_pylist()
    return found
