"""Groups of people by the columns that the problem file calls sensitive, and by every two of them.

Shapes: N examples, G groups.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa

from components.shared.tables.given_slices import slice_masks

MAX_GROUPS = 50
NO_GROUP = -1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Grouping:
    """Examples by the values of one column, or of two.

    Attributes
    ----------
    columns
        The column, or both.
    names
        The G groups in words, such as `sex = f and age from 31 up to 44`; of personal data only numbers.
    numbers
        Shape (N,), int: each example's group; `NO_GROUP` where it is in none, for only so many are told apart.
    """

    columns: tuple[str, ...]
    names: tuple[str, ...]
    numbers: np.ndarray

    @property
    def name(self) -> str:
        """The columns in words."""
        return " and ".join(self.columns)

    @property
    def num_left_out(self) -> int:
        """Examples in none of the groups."""
        return int((self.numbers < 0).sum())


def sensitive_groupings(columns: Mapping[str, pa.Array], *, personal: Collection[str] = ()) -> list[Grouping]:
    """Groupings by each column, then by every two, those of one group left out.

    Numbers of more than 50 different values are cut into quarters; examples without a value are a group, too. At most
    50 groups are told apart, the largest.

    Parameters
    ----------
    columns
        Arrays of N values, by name.
    personal
        Columns whose values must not be shown: their groups are numbered, the largest first.
    """
    single = [_grouping((name,), slice_masks({name: values}), name in personal) for name, values in columns.items()]
    crossed = [_crossed(one, other) for one, other in combinations([found for found in single if _differ(found)], 2)]
    return [grouping for grouping in (*single, *crossed) if _differ(grouping)]


def _grouping(columns: tuple[str, ...], masks: Mapping[str, np.ndarray], is_personal: bool) -> Grouping:
    num_rows = len(next(iter(masks.values()), ()))
    numbers = np.full(num_rows, NO_GROUP)
    largest = sorted(masks, key=lambda name: -int(masks[name].sum()))[:MAX_GROUPS]
    for number, name in enumerate(largest):
        numbers[masks[name]] = number
    hidden = [f"{columns[0]}: group {number + 1} (personal data)" for number in range(len(largest))]
    return Grouping(columns=columns, names=tuple(hidden if is_personal else largest), numbers=numbers)


def _crossed(one: Grouping, other: Grouping) -> Grouping:
    in_both = (one.numbers >= 0) & (other.numbers >= 0)
    codes = np.where(in_both, one.numbers * len(other.names) + other.numbers, NO_GROUP)
    found, counts = np.unique(codes[in_both], return_counts=True)
    largest = found[np.argsort(-counts, kind="stable")][:MAX_GROUPS]
    numbers = np.full(len(codes), NO_GROUP)
    for number, code in enumerate(largest.tolist()):
        numbers[codes == code] = number
    pairs = [divmod(code, len(other.names)) for code in largest.tolist()]
    names = tuple(f"{one.names[first]} and {other.names[second]}" for first, second in pairs)
    return Grouping(columns=(*one.columns, *other.columns), names=names, numbers=numbers)


def _differ(grouping: Grouping) -> bool:
    return len(grouping.names) > 1
