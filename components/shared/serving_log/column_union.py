"""Schema and roles that hold all parts of a serving log, where deployments have changed its columns."""

from collections.abc import Sequence

import pyarrow as pa

from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo
from components.shared.runtime.errors import ContractError
from components.shared.serving_log.parts import LogPart

_OF_INPUTS: tuple[ColumnRole, ...] = ("payload", "feature", "derived")


def united_schema(parts: Sequence[LogPart]) -> pa.Schema:
    """Columns of all parts, in the order they first appear, each in the type that holds it everywhere.

    Whole numbers and others become float64. A column that is text in one part and something else in another becomes
    text, so that a comparison with the training data sees the changed type. `ContractError` if a column is raw bytes or
    a list in one part, and something else in another.
    """
    types: dict[str, tuple[pa.DataType, str]] = {}
    for part in parts:
        for field in part.schema:
            known, where = types.get(field.name, (field.type, part.name))
            united = united_type(known, field.type)
            if united is None:
                raise ContractError(
                    f"{part.name} must have the column {field.name!r} as {known}, as {where} has it, got {field.type}"
                )
            types[field.name] = (united, where)
    return pa.schema([(name, kind) for name, (kind, _) in types.items()])


def united_info(parts: Sequence[LogPart]) -> ExampleTableInfo:
    """Modality, task and roles of all parts, a later part's role first; `ContractError` if the others differ."""
    roles: dict[str, ColumnRole | tuple[ColumnRole, ...]] = {}
    # Parts of answers alone say nothing of what was asked.
    first_asked = next((part for part in parts if part.info.columns_of(*_OF_INPUTS)), parts[0])
    for part in parts:
        if part.info.modality != first_asked.info.modality and part.info.columns_of(*_OF_INPUTS):
            raise ContractError(
                f"{part.name} must be of the modality {first_asked.info.modality}, as {first_asked.name} is, "
                f"got {part.info.modality}"
            )
        if part.info.task != parts[0].info.task:
            raise ContractError(
                f"{part.name} must be of the task {parts[0].info.task}, as {parts[0].name} is, got {part.info.task}"
            )
        roles.update(part.info.column_roles)
    first = first_asked.info
    return ExampleTableInfo(modality=first.modality, class_names=(), column_roles=roles, task=first.task)


def differences(parts: Sequence[LogPart], schema: pa.Schema) -> tuple[str, ...]:
    """How a reader treats parts that differ from `schema`, one sentence a column."""
    remarks = []
    for field in schema:
        lacking = [part.name for part in parts if field.name not in part.schema.names]
        types = {str(part.schema.field(field.name).type) for part in parts if field.name in part.schema.names}
        if lacking:
            remarks.append(
                f"the column {field.name!r} is missing from {len(lacking)} of {len(parts)} parts, {lacking[0]} for "
                "one: it is read as empty there"
            )
        if len(types) > 1:
            remarks.append(
                f"the column {field.name!r} is {' and '.join(sorted(types))} in different parts: it is read as "
                f"{field.type}"
            )
    return tuple(remarks)


def as_schema(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of `schema` from a part's batch, in its types; null where the part lacks a column."""
    arrays = []
    for field in schema:
        place = batch.schema.get_field_index(field.name)
        if place < 0:
            arrays.append(pa.nulls(batch.num_rows, field.type))
        else:
            arrays.append(plain(batch.column(place)).cast(field.type, safe=False))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def plain(values: pa.Array) -> pa.Array:
    """Values, decoded where they are stored as a dictionary."""
    return values.dictionary_decode() if isinstance(values, pa.DictionaryArray) else values


def united_type(first: pa.DataType, second: pa.DataType) -> pa.DataType | None:
    """The type that holds both; None where there is none."""
    if first == second or pa.types.is_null(second):
        return first
    if pa.types.is_null(first):
        return second
    kinds = (first, second)
    if all(pa.types.is_integer(kind) for kind in kinds):
        return pa.int64()
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        return pa.float64()
    single = all(pa.types.is_primitive(kind) or pa.types.is_string(kind) for kind in kinds)
    return pa.string() if single else None
