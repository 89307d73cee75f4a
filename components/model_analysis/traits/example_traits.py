"""The traits of examples of an example table: what ingestion stored, what is measured now, and their own columns."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.model_analysis.traits.image_traits import IMAGE_TRAITS, image_traits
from components.model_analysis.traits.text_traits import SHARE_UNKNOWN, TEXT_TRAITS, text_traits
from components.shared.contracts.example_table import ColumnRole, ExampleTable
from components.shared.tables.personal_columns import hashed_texts, kept_columns

_MEASURED: dict[str, dict[str, pa.DataType]] = {"image": IMAGE_TRAITS, "text": TEXT_TRAITS, "tabular": {}}
_ROLES: tuple[ColumnRole, ...] = ("derived", "feature", "slice", "sensitive")
_BATCH_ROWS = 256


def traits_of(
    examples: ExampleTable,
    example_ids: Sequence[str],
    *,
    splits: Sequence[str] | None = None,
    tokenizer: str | None = None,
    names: Sequence[str] | None = None,
) -> pa.Table:
    """What some examples are like, a row each, in the order of `example_ids`.

    Parameters
    ----------
    examples
        Of images, texts or rows. What ingestion stored of them is taken as it is, the rest is measured.
    example_ids
        Identifiers as the predictions table has them.
    splits
        Where they are looked for; None looks everywhere.
    tokenizer
        The content of a `tokenizer.json`: then texts also have the share of tokens that it does not know.
    names
        Columns and traits that are wanted, whatever the columns' roles; None for all that say what an example is like.

    Returns
    -------
    pa.Table
        `example_id` and a column a trait: `IMAGE_TRAITS` or `TEXT_TRAITS`, derived columns, features, and columns to
        slice by and to check fairness on. No column of personal data. Null where an image cannot be decoded or a text
        is missing.

    Raises
    ------
    ValueError
        If an example is not in the table, or a wanted name is neither a column nor a trait.
    """
    wanted = pa.array(list(example_ids), pa.string())
    own, measured = own_columns(examples), measured_traits(examples, tokenizer=tokenizer)
    if names is not None:
        own, measured = _wanted(names, examples, measured)
    payload = [examples.info.modality] if measured else []
    parts: list[pa.RecordBatch] = []
    read = list(dict.fromkeys(["example_id", *own, *payload]))
    for batch in examples.iter_batches(read, splits=splits, batch_rows=_BATCH_ROWS):
        batch = batch.set_column(0, "example_id", _shown_ids(examples, batch.column(0)))
        batch = batch.filter(pc.is_in(batch.column(0), value_set=wanted))
        if batch.num_rows:
            columns = {name: batch.column(name) for name in ("example_id", *own)}
            columns |= _measure(batch, examples.info.modality, measured, tokenizer)
            parts.append(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    schema = pa.schema(
        [("example_id", pa.string()), *((name, examples.schema.field(name).type) for name in own), *measured.items()]
    )
    table = pa.Table.from_batches([part.cast(schema) for part in parts], schema)
    return table.take(_places(wanted, table.column(0).combine_chunks()))


def own_columns(examples: ExampleTable) -> tuple[str, ...]:
    """Columns of an example table that say what an example is like: stored traits, features, slices."""
    personal = {*examples.info.columns_of("pii", "label", "payload", "id", "split", "prediction")}
    return tuple(name for name in examples.info.columns_of(*_ROLES) if name not in personal)


def measured_traits(examples: ExampleTable, *, tokenizer: str | None = None) -> dict[str, pa.DataType]:
    """Traits that the table does not hold and that are measured from its payload, with their types."""
    stored = set(own_columns(examples))
    named = dict(_MEASURED[examples.info.modality])
    if tokenizer is not None and examples.info.modality == "text":
        named[SHARE_UNKNOWN] = pa.float64()
    # A column that means something else and happens to have such a name keeps it.
    return {name: kind for name, kind in named.items() if name not in stored and name not in examples.schema.names}


def _wanted(
    names: Sequence[str], examples: ExampleTable, measured: dict[str, pa.DataType]
) -> tuple[tuple[str, ...], dict[str, pa.DataType]]:
    """Of some names the table's own columns, and those that are measured, with their types."""
    known = [*examples.schema.names, *measured]
    absent = [name for name in names if name not in known]
    if absent:
        raise ValueError(f"a trait must be one of {', '.join(known)}, got {absent[0]!r}")
    own = tuple(name for name in names if name in examples.schema.names and name != "example_id")
    return own, {name: measured[name] for name in names if name in measured and name not in own}


def _measure(
    batch: pa.RecordBatch, modality: str, measured: dict[str, pa.DataType], tokenizer: str | None
) -> dict[str, pa.Array]:
    if not measured:
        return {}
    if modality == "text":
        return _of_texts(batch.column("text"), measured, tokenizer)
    found = [
        dict.fromkeys(measured) if data is None else image_traits(data, tuple(measured))
        for data in batch.column("image").to_pylist()
    ]
    return {name: pa.array([traits[name] for traits in found], kind) for name, kind in measured.items()}


def _of_texts(texts: pa.Array, measured: dict[str, pa.DataType], tokenizer: str | None) -> dict[str, pa.Array]:
    known = text_traits(texts.drop_null(), tokenizer=tokenizer)
    places = np.cumsum(np.asarray(texts.is_valid())) - 1
    rows = pa.array(places, pa.int64(), mask=np.asarray(texts.is_null()))
    return {name: known[name].cast(kind).take(rows) for name, kind in measured.items()}


def _shown_ids(examples: ExampleTable, ids: pa.Array) -> pa.Array:
    """Identifiers as a predictions table has them: hashed where they tell who somebody is."""
    return ids if "example_id" in kept_columns(examples.schema) else hashed_texts(ids)


def _places(wanted: pa.Array, found: pa.Array) -> pa.Array:
    places = pc.index_in(wanted, value_set=found)
    if places.null_count:
        absent = wanted.filter(places.is_null())
        raise ValueError(
            f"every example must be in the example table, but {absent[0].as_py()!r} is not"
            + (f", nor are {len(absent) - 1:,} others" if len(absent) > 1 else "")
            + ": give the table that was scored"
        )
    return places
