"""What a request may carry beside the features: the keys, times, groups and slices that the problem file declared.

They never reach the model; the serving log keeps them, so that labels that come later find their rows.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from components.serving.server.request_rows import byte_values, BYTES, flat_values, kind_of, row_count, shown, Tensor
from components.serving.server.table_values import BOOL, FLOAT_BITS, INTEGER_BITS, numbers_from_bytes

CONTEXT = "context"
PREFIX = "context."
_ROLES = {"id", "time", "group", "slice", "sensitive"}
_MAX_TEXT = 1000
_MAX_ROWS = 10_000

# One row's context by name.
Context = dict[str, Any]


def context_columns(column_roles: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Names that a request may carry, by the roles of the bundle's columns."""
    return tuple(sorted(name for name, roles in column_roles.items() if _ROLES & set(roles)))


def split_instances(
    payload: Any, names: Collection[str], *, inputs: Collection[str]
) -> tuple[Any, list[Context] | None]:
    """A V1 request without the `context` of its instances, and those, one a row; None where no instance has any.

    A model with an input of that name gets it: it has no context.
    """
    instances = payload.get("instances") if isinstance(payload, Mapping) else None
    if CONTEXT in inputs or not isinstance(instances, list):
        return payload, None
    if not any(isinstance(instance, Mapping) and CONTEXT in instance for instance in instances):
        return payload, None
    kept, contexts = [], []
    for number, instance in enumerate(instances, start=1):
        if isinstance(instance, Mapping) and CONTEXT in instance:
            contexts.append(_checked(instance[CONTEXT], names, where=f"the context of instance {number}"))
            instance = {name: value for name, value in instance.items() if name != CONTEXT}
        else:
            contexts.append({})
        kept.append(instance)
    return {**payload, "instances": kept}, contexts


def split_tensors(tensors: Sequence[Tensor], names: Collection[str]) -> tuple[list[Tensor], list[Context] | None]:
    """The model's inputs of a V2 request, and the context of its rows; None where it has none."""
    own = [tensor for tensor in tensors if not tensor.name.startswith(PREFIX)]
    given = [tensor for tensor in tensors if tensor.name.startswith(PREFIX)]
    if not given:
        return own, None
    columns = {tensor.name.removeprefix(PREFIX): _values(tensor) for tensor in given}
    lengths = {len(values) for values in columns.values()}
    if len(columns) != len(given) or len(lengths) != 1:
        raise ValueError("the inputs context.* must differ in name and have the same number of rows")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return own, [_checked(row, names, where=f"the context of row {number}") for number, row in enumerate(rows, start=1)]


def check_rows(contexts: Sequence[Context] | None, num_rows: int) -> None:
    """Check that there is one context a row."""
    if contexts is not None and len(contexts) != num_rows:
        raise ValueError(
            f"the inputs context.* must have as many rows as the others, {num_rows:,}, got {len(contexts):,}"
        )


def _values(tensor: Tensor) -> list[Any]:
    count = row_count(tensor, at_most=_MAX_ROWS, what="rows")
    if tensor.datatype not in (BYTES, BOOL, *FLOAT_BITS, *INTEGER_BITS):
        raise ValueError(f"the datatype of input {shown(tensor.name)!r} must be BYTES, a type of numbers or BOOL")
    if tensor.datatype != BYTES:
        return flat_values(tensor) if tensor.raw is None else numbers_from_bytes(tensor, count)
    values = byte_values(tensor, count, what="texts")
    return [_text(value, tensor.name) if isinstance(value, bytes) else value for value in values]


def _text(value: bytes, name: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"input {shown(name)!r} must hold UTF-8") from error


def _checked(context: Any, names: Collection[str], *, where: str) -> Context:
    if not isinstance(context, Mapping):
        raise ValueError(f"{where} must be an object, got {kind_of(context)}")
    for name, value in context.items():
        if name not in names:
            known = ", ".join(sorted(names)) or "none"
            raise ValueError(f"{where} must hold columns that the problem file declared ({known}), got {shown(name)!r}")
        if not isinstance(value, str | int | float | bool | None) or (
            isinstance(value, str) and len(value) > _MAX_TEXT
        ):
            raise ValueError(
                f"{where} must hold texts of at most {_MAX_TEXT:,} characters, numbers, truth values and null, "
                f"but {shown(name)!r} is {kind_of(value)}"
            )
    return dict(context)
