"""Repairs of a table's columns as the problem file lists them, and the names that columns have before and after.

repairs:
  - {column: colour, rename: color}
  - {column: height, scale: 0.01}
  - {column: sex, map: {M: male, F: female}}
  - {column: day, date: "%d/%m/%Y"}
  - {column: city, strip: true}
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from typing import Any

from components.shared.runtime.settings import Name, settings_from, settings_model

_ACTIONS = ("rename", "scale", "offset", "map", "date", "strip")
_OF_NUMBERS = ("scale", "offset")


@settings_model
class Repair:
    """One repair of one column: a name, numbers scaled and moved, values mapped, dates read, or white space taken off.

    Attributes
    ----------
    column
        The column's name, as the repairs before this one leave it.
    rename
        Its new name.
    scale, offset
        Numbers become value times scale plus offset.
    map
        Values, as texts, by what they become; others stay.
    date
        How dates and times are written, such as `%d/%m/%Y`; they become ISO 8601.
    strip
        Whether white space at the ends of texts goes, where `table.keep_spaces` keeps it elsewhere.
    """

    column: Name
    rename: Name | None = None
    scale: float | None = None
    offset: float | None = None
    map: Mapping[str, Name] = field(default_factory=dict)
    date: str | None = None
    strip: bool = False

    def __post_init__(self) -> None:
        told = [name for name in _ACTIONS if self._says(name)]
        if not self.column.strip() or (self.rename is not None and not self.rename.strip()):
            raise ValueError("column and rename must be names, but one is empty")
        if not told:
            raise ValueError(f"column {self.column!r} must be given one repair of {', '.join(_ACTIONS)}, got none")
        if len(told) > 1 and set(told) - set(_OF_NUMBERS):
            raise ValueError(
                f"column {self.column!r} must be given one repair at a time, got {', '.join(told)}: "
                "list them one after the other"
            )
        if self.scale == 0:
            raise ValueError("scale must be a number other than 0, got 0")
        if self.date is not None and "%" not in self.date:
            raise ValueError(f"date must say how dates are written, such as %d/%m/%Y, got {self.date!r}")

    @property
    def changes_values(self) -> bool:
        """Whether it does more than give another name."""
        return self.rename is None

    @property
    def is_of_numbers(self) -> bool:
        """Whether it takes numbers."""
        return self.scale is not None or self.offset is not None

    def to_dict(self) -> dict[str, Any]:
        """What was said, as JSON values."""
        told = {name: getattr(self, name) for name in ("column", *_ACTIONS) if name == "column" or self._says(name)}
        return {**told, "map": dict(self.map)} if self.map else told

    def _says(self, name: str) -> bool:
        value = getattr(self, name)
        return value is not None and value is not False and value != {}


Repairs = tuple[Repair, ...]


def repairs_from(contents: Sequence[Mapping[str, Any]]) -> Repairs:
    """Read what `to_dict` wrote of each; ContractError if a key or value is unknown."""
    return tuple(settings_from(Repair, content, key=f"repairs.{number}") for number, content in enumerate(contents))


def repaired_names(
    names: Sequence[str], repairs: Sequence[Repair], *, where: str, needs_all: bool = False
) -> list[str]:
    """Names of a table's columns after their repair, in the table's order.

    A repair of a column that is not there is left out: a table to be scored need not have the label.

    Parameters
    ----------
    where
        The table, for errors.
    needs_all
        Whether every repair must find its column.

    Raises
    ------
    ValueError
        If a new name is taken already, the table is repaired already, or a column is not there and must be.
    """
    found = list(names)
    for repair in repairs:
        is_there = repair.column in found
        if repair.rename is None and not is_there and needs_all:
            raise ValueError(f"repairs must name columns of {where}, got {repair.column!r}; it has {', '.join(found)}")
        if repair.rename is None:
            continue
        if not is_there and repair.rename in found:
            raise ValueError(
                f"{where} must be as it was before its repairs, which rename {repair.column!r} to {repair.rename!r}, "
                f"but it has {repair.rename!r} and no {repair.column!r}"
            )
        if not is_there and needs_all:
            raise ValueError(f"repairs must name columns of {where}, got {repair.column!r}; it has {', '.join(found)}")
        if is_there and repair.rename in found:
            raise ValueError(
                f"repairs must give columns of {where} names that are free, but {repair.column!r} is renamed to "
                f"{repair.rename!r}, which there is already"
            )
        found = [repair.rename if name == repair.column else name for name in found]
    return found


def source_name(name: str, repairs: Sequence[Repair]) -> str:
    """The name in the data of a column that is called `name` after the repairs."""
    for repair in reversed(repairs):
        if repair.rename == name:
            name = repair.column
    return name


def final_name(name: str, repairs: Sequence[Repair]) -> str:
    """What a column is called after repairs that follow."""
    for repair in repairs:
        if repair.rename is not None and repair.column == name:
            name = repair.rename
    return name


def repairs_of(names: Collection[str], repairs: Sequence[Repair]) -> Repairs:
    """The repairs of columns that are called `names` after them all."""
    wanted, found = set(names), []
    for repair in reversed(repairs):
        if (repair.rename or repair.column) in wanted:
            found.append(repair)
            wanted = wanted - {repair.rename} | {repair.column} if repair.rename else wanted
    return tuple(reversed(found))


def check_payload(column: str, repairs: Sequence[Repair], *, what: str) -> None:
    """Raise ValueError where the column that a model reads as it stands (`what`: texts, photos) is not left alone."""
    changing = next((repair for repair in repairs_of([column], repairs) if repair.changes_values), None)
    if changing is not None:
        raise ValueError(
            f"repairs must leave the values of column {column!r} alone, whose {what} the model reads as they stand, "
            f"but one is for {changing.column!r}: only rename it"
        )
