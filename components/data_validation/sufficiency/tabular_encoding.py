"""Feature columns of any type to a float matrix that a cheap probe can take, without a look at the labels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, UTC

import numpy as np
import pyarrow as pa

MAX_CATEGORIES = 20
_MIN_CATEGORY_ROWS = 5
_IDENTIFIER_SHARE = 0.5
_MIN_DISTINCT = 50
_TIME_SHARE = 0.95
_DAY_S = 86400.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EncodedColumn:
    """One column as numbers."""

    values: np.ndarray  # shape (N, W), float32; W is 0 where the column is left out
    remark: str = ""  # why it was left out or how it was read; empty where that goes without saying


def encode_column(name: str, column: pa.ChunkedArray) -> EncodedColumn:
    """One column of N values as standardised numbers, clipped at 5 standard deviations, with one for missing values.

    The 20 most frequent categories have a column each, the rest one together; times give date, hour and weekday.
    Strings that are nearly all different are taken for identifiers and left out, as are types without single values.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind) and not pa.types.is_time(kind):
        return EncodedColumn(values=_times(_seconds(column)))
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return EncodedColumn(values=_numbers(_as_float(column)))
    if pa.types.is_null(kind):
        return _left_out(column, f"the column {name!r} is left out: it has no value")
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return _left_out(column, f"the column {name!r} is left out: a cheap probe cannot read its type, {kind}")
    return _strings(name, column.to_pylist())


def standardised(values_NW: np.ndarray) -> np.ndarray:
    """Columns (N, W) of mean 0 and standard deviation 1, clipped at 5, float32; constant columns go."""
    # Dividing by the largest first keeps squares of numbers like 1e300 finite.
    largest_W = np.abs(values_NW).max(axis=0, initial=0.0)
    scaled_NW = values_NW / np.where(largest_W > 0.0, largest_W, 1.0)
    spread_W = scaled_NW.std(axis=0) if len(scaled_NW) else np.zeros(scaled_NW.shape[1])
    used = spread_W > 1e-9
    centred_NV = (scaled_NW - scaled_NW.mean(axis=0, keepdims=True))[:, used] if used.any() else scaled_NW[:, used]
    return np.clip(centred_NV / spread_W[used], -5.0, 5.0).astype(np.float32)


def _numbers(values: np.ndarray) -> np.ndarray:
    """Missing values become the median and set an indicator; infinities become the largest finite values."""
    missing = np.isnan(values)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return standardised(missing[:, None].astype(float))
    bounded = np.clip(np.where(missing, np.median(finite), values), finite.min(), finite.max())
    return standardised(np.column_stack([bounded, missing]))


def _times(seconds: np.ndarray) -> np.ndarray:
    """Seconds since 1970 as such, as hour and as weekday; `nan` where missing."""
    hour_angle = seconds / _DAY_S * 2 * np.pi
    week_angle = hour_angle / 7
    parts = (seconds, *(wave(angle) for angle in (hour_angle, week_angle) for wave in (np.sin, np.cos)))
    encoded = [_numbers(part) for part in parts]
    return np.concatenate([encoded[0], *(part[:, :1] for part in encoded[1:])], axis=1)


def _strings(name: str, values: list[str | None]) -> EncodedColumn:
    present = [value for value in values if value]
    times = _parsed_times(values)
    if present and np.isfinite(times).sum() >= _TIME_SHARE * len(present):
        return EncodedColumn(values=_times(times), remark=f"the column {name!r} is read as a time")
    counts = Counter(present)
    if len(counts) > max(_MIN_DISTINCT, _IDENTIFIER_SHARE * len(present)):
        remark = f"the column {name!r} is left out: {len(counts):,} different strings in {len(present):,} rows"
        return EncodedColumn(values=np.zeros((len(values), 0), np.float32), remark=remark)
    frequent = [value for value, count in counts.most_common(MAX_CATEGORIES) if count >= _MIN_CATEGORY_ROWS]
    places = {value: place for place, value in enumerate(frequent)}
    codes = np.array([len(frequent) + 1 if not value else places.get(value, len(frequent)) for value in values])
    return EncodedColumn(values=standardised((codes[:, None] == np.arange(len(frequent) + 2)).astype(float)))


def _parsed_times(values: Sequence[str | None]) -> np.ndarray:
    return np.array([_seconds_of(value) for value in values], dtype=float)


def _seconds_of(value: str | None) -> float:
    # Shorter texts are codes, not times: Python would read "20240101" and "2024-W01" as dates.
    if not value or len(value) < 10 or not value[:4].isdigit() or value[4] not in "-/":
        return float("nan")
    try:
        moment = datetime.fromisoformat(value.replace("/", "-"))
    except ValueError:
        return float("nan")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _seconds(column: pa.ChunkedArray) -> np.ndarray:
    microseconds = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    return _as_float(microseconds) / 1e6


def _as_float(column: pa.ChunkedArray) -> np.ndarray:
    return np.array([np.nan if value is None else float(value) for value in column.to_pylist()], dtype=float)


def _left_out(column: pa.ChunkedArray, remark: str) -> EncodedColumn:
    return EncodedColumn(values=np.zeros((len(column), 0), np.float32), remark=remark)
