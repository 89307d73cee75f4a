"""What a column that nobody named looks like: an identifier, a time, free text."""

import re
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_IDENTIFIER_NAME = re.compile(r"(?:^|[_\W])(?:id|uuid|guid|key|index|rowid|nr|no)$|^unnamed: 0$|Id$|ID$")
_TIME_NAME = re.compile(r"time|date|timestamp|(?:^|_)at$|(?:^|_)ts$|created|updated", re.IGNORECASE)
_ISO_TIME = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?(?:Z|[+-]\d{2}:?\d{2}|UTC))?)?$"
_EPOCH_S = (3.0e8, 5.0e9)
_MIN_ROWS = 30
_DISTINCT_SHARE = 0.98
_MIN_WORDS_OF_TEXT = 3.0

Recognised = Literal["id", "time", "text"]


def recognised(name: str, values: pa.Array) -> Recognised | None:
    """What a column looks like, where it looks like something that no model should read as it is.

    Parameters
    ----------
    values
        Shape (N,): its first values; fewer than 30 are judged by the name `id` and by their type alone.
    """
    if name.casefold() == "id":
        return "id"
    if pa.types.is_temporal(values.type):
        return "time"
    present = values.drop_null()
    if len(present) < _MIN_ROWS:
        return None
    if pa.types.is_string(present.type) or pa.types.is_large_string(present.type):
        return _recognised_text(present)
    if pa.types.is_integer(present.type) or pa.types.is_floating(present.type):
        return _recognised_number(name, np.asarray(present, dtype=np.float64))
    return None


def _recognised_text(present: pa.Array) -> Recognised | None:
    if pc.all(pc.match_substring_regex(present, pattern=_ISO_TIME)).as_py():
        return "time"
    if pc.count_distinct(present).as_py() / len(present) < _DISTINCT_SHARE:
        return None
    words = pc.mean(pc.count_substring_regex(present, pattern=r"\S+")).as_py()
    return "text" if words >= _MIN_WORDS_OF_TEXT else "id"


def _recognised_number(name: str, present: np.ndarray) -> Recognised | None:
    finite = present[np.isfinite(present)]
    whole = bool(len(finite) == len(present) and (finite == np.floor(finite)).all())
    if not whole:
        return None
    seconds = finite / 1000.0 if np.median(np.abs(finite)) > _EPOCH_S[1] else finite
    if _TIME_NAME.search(name) and _EPOCH_S[0] <= seconds.min() and seconds.max() <= _EPOCH_S[1]:
        return "time"
    distinct = len(np.unique(finite)) / len(finite)
    if distinct < _DISTINCT_SHARE:
        return None
    is_counter = finite.max() - finite.min() + 1 <= 1.05 * len(finite)
    return "id" if is_counter or _IDENTIFIER_NAME.search(name) else None
