"""The progress bar of every job: updated in place on a terminal, plain lines in a log."""

from collections.abc import Iterable
import sys
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress(items: Iterable[Item], *, label: str, total: int | None = None, unit: str = "example") -> "tqdm[Item]":
    """Wrap an iterable in a progress bar on standard error.

    `label` is what is being done, as a present participle ("decoding"); `unit` is what one item is; `total` is needed
    where `items` has no length.
    """
    interval_s = 0.2 if sys.stderr.isatty() else 2.0
    return tqdm(items, desc=label, total=total, unit=unit, mininterval=interval_s, dynamic_ncols=True, leave=False)
