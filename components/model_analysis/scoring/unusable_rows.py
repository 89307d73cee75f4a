"""Which row of a batch cannot be used, where the whole batch was refused."""

from collections.abc import Callable, Mapping

import pyarrow as pa


def first_unusable(
    columns: Mapping[str, pa.Array], use: Callable[[Mapping[str, pa.Array]], object]
) -> tuple[int, ValueError] | None:
    """The first of N rows that `use` refuses with ValueError, and the error; None where no row is refused alone."""
    start, stop = 0, len(next(iter(columns.values())))
    while stop - start > 1:
        middle = (start + stop) // 2
        start, stop = (middle, stop) if _refusal(columns, slice(start, middle), use) is None else (start, middle)
    refusal = _refusal(columns, slice(start, stop), use)
    return None if refusal is None else (start, refusal)


def _refusal(
    columns: Mapping[str, pa.Array], rows: slice, use: Callable[[Mapping[str, pa.Array]], object]
) -> ValueError | None:
    try:
        use({name: column[rows] for name, column in columns.items()})
    except ValueError as error:
        return error
    return None
