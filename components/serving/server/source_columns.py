"""The columns of a request as the data had them before their repairs, and the way from there to the model's."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from components.shared.tables.repair_spec import Repair, repairs_of, source_name
from components.shared.tables.repairs import FailedRepairs, repaired
from components.shared.tables.value_cleaning import ValueCleaning


class SourceColumns:
    """What clients send of a model's columns, and its repair.

    Parameters
    ----------
    types
        The model's columns and their types: string or numeric.
    repairs
        Those of the model's bundle.
    cleaning
        How its values are cleaned.

    Attributes
    ----------
    types
        The columns as clients send them.
    of_either
        Those of them that may be texts or numbers: numbers become texts before they are mapped or read as dates.
    """

    def __init__(self, types: Mapping[str, pa.DataType], repairs: Sequence[Repair], cleaning: ValueCleaning) -> None:
        self._types, self._cleaning = dict(types), cleaning
        self._repairs = repairs_of(types, repairs)
        self._sources = {name: source_name(name, self._repairs) for name in types}
        first = {name: self._first_change(name) for name in types}
        self.types = {self._sources[name]: _type_before(first[name], kind) for name, kind in types.items()}
        self.of_either = frozenset(
            self._sources[name] for name, repair in first.items() if repair and (repair.map or repair.date)
        )

    def repaired(self, columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """The model's columns, N values each, from those of `types`; ValueError names row and column of a bad value."""
        if not self._repairs:
            return dict(columns)
        failed = FailedRepairs()
        found = repaired(columns, self._repairs, cleaning=self._cleaning, failed=failed)
        for first in failed.by_column.values():
            raise ValueError(f"{self._where(first.column, first.row)} must be {first.wanted}, which its repair needs")
        return {name: self._as_the_model(name, found[name]) for name in self._types}

    def _first_change(self, name: str) -> Repair | None:
        return next((repair for repair in repairs_of([name], self._repairs) if repair.changes_values), None)

    def _where(self, name: str, row: int) -> str:
        return f"column {self._sources[name]!r} of instance {row + 1}"

    def _as_the_model(self, name: str, values: pa.Array) -> pa.Array:
        kind = pa.string() if self._types[name] == pa.string() else pa.float64()
        try:
            return self._cleaning.column(values, kind)
        except pa.ArrowInvalid as error:
            row = next(row for row in range(len(values)) if not self._is_number(values.slice(row, 1)))
            raise ValueError(f"{self._where(name, row)} must be a number after its repair") from error

    def _is_number(self, value: pa.Array) -> bool:
        try:
            self._cleaning.column(value, pa.float64())
        except pa.ArrowInvalid:
            return False
        return True


def _type_before(first: Repair | None, kind: pa.DataType) -> pa.DataType:
    if first is None:
        return kind
    return pa.float64() if first.is_of_numbers else pa.string()
