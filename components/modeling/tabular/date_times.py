"""Dates and times that stand in a table as text, as numbers that a network can use."""

from collections.abc import Sequence
from datetime import datetime, UTC
import re

import numpy as np

TIME_PARTS = ("seconds since 1970", "second of the day", "day of the week")

_DAY_S = 86_400
_TIME_SHARE = 0.95
# Shorter texts are codes, not times: Python would read 20240101 and 2024-W01 as dates.
_DATE = re.compile(r"\d{4}[-/]\d{2}[-/]\d{2}")


def are_times(texts: Sequence[str], counts: Sequence[int]) -> bool:
    """Whether at least 95% of the rows of distinct texts, with the rows of each, are ISO 8601 times; False for none."""
    weights = np.array(counts, np.float64)
    is_time = np.isfinite(time_parts(texts)[:, 0])
    return bool(len(texts)) and float(weights[is_time].sum()) >= _TIME_SHARE * float(weights.sum())


def time_parts(texts: Sequence[str | None]) -> np.ndarray:
    """The parts of ISO 8601 dates or times as in `TIME_PARTS`, shape (B, 3), float64; `nan` where a text is no time.

    Slashes, and a space before the time, are taken too; without a zone a time is UTC. A week begins with Monday, 0.
    """
    seconds = np.array([_seconds(text) for text in texts], np.float64)
    days = np.floor(seconds / _DAY_S)
    # The first day of 1970 was a Thursday.
    return np.stack([seconds, seconds - days * _DAY_S, (days + 3) % 7], axis=1)


def _seconds(text: str | None) -> float:
    if text is None or not _DATE.match(text):
        return float("nan")
    try:
        moment = datetime.fromisoformat(text.strip().replace("/", "-"))
    except ValueError:
        return float("nan")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
