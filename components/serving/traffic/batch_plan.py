"""Which rows of the waiting requests are computed together."""

from collections.abc import Sequence
from dataclasses import dataclass

# Rows a batch: more need more memory and hardly less time a row.
MAX_ROWS = 64
# Padded values a batch, where rows differ in length: a long text must not be paid for by every row beside it.
MAX_PADDED_VALUES = 1 << 20
_ALWAYS_TOGETHER = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingRows:
    """What is left of one request: rows, and the length of the longest (1 where rows do not differ in length)."""

    num_rows: int
    length: int = 1


def planned_rows(waiting: Sequence[WaitingRows], *, max_rows: int = MAX_ROWS) -> list[int]:
    """Rows of each waiting request in the next batch, in their order.

    The first always has one at least. Others join it unless they are much longer or much shorter; what a batch may hold
    is shared fairly, so that a small request does not wait for the end of a large one.
    """
    rows = [0] * len(waiting)
    if not waiting:
        return rows
    longest = max(_ALWAYS_TOGETHER, 2 * waiting[0].length)
    shortest = 0 if waiting[0].length <= _ALWAYS_TOGETHER else waiting[0].length / 2
    joined = [index for index, one in enumerate(waiting) if shortest <= one.length <= longest]
    length = max(waiting[index].length for index in joined)
    left = max(1, min(max_rows, MAX_PADDED_VALUES // max(length, 1)))
    joined = joined[:left]
    for place, index in enumerate(sorted(joined, key=lambda index: waiting[index].num_rows)):
        rows[index] = min(waiting[index].num_rows, left // (len(joined) - place))
        left -= rows[index]
    return rows
