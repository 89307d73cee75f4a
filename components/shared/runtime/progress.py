"""One progress bar for every job: in place on a terminal, plain lines where a runner reads it."""

from collections.abc import Iterable
import sys
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress(items: Iterable[Item], *, label: str, total: int | None = None, unit: str = "example") -> "tqdm[Item]":
    """Wrap an iterable in a progress bar on standard error.

    Parameters
    ----------
    items
        What is worked through.
    label
        What is being done, as a present participle: "decoding".
    total
        How many items there are, where `items` has no length.
    unit
        What one item is.

    Returns
    -------
    tqdm
        The iterable with its bar.
    """
    interval_s = 0.2 if sys.stderr.isatty() else 2.0
    return tqdm(items, desc=label, total=total, unit=unit, mininterval=interval_s, dynamic_ncols=True, leave=False)
