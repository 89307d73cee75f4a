"""A window of time that a monitoring run reads, from its start (included) to its end (excluded)."""

from dataclasses import dataclass
from datetime import datetime, timedelta, UTC
import re

_MAX_DAYS = 36_500
_BACK = re.compile(r"-(\d{1,5})([hd])")


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeWindow:
    """Times from `start` (included) to `end` (excluded), both with a time zone; None leaves the window open.

    Raises
    ------
    ValueError
        If a time has no zone, or the end does not come after the start.
    """

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"the window's {name} must have a time zone, got {moment.isoformat()}")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(
                f"the window's end must come after its start, got {self.start.isoformat()} to {self.end.isoformat()}"
            )

    def overlaps(self, first: datetime, last: datetime) -> bool:
        """Whether any moment from `first` to `last`, both included, may lie in the window."""
        return (self.start is None or last >= self.start) and (self.end is None or first < self.end)

    def covers(self, first: datetime, last: datetime) -> bool:
        """Whether every moment from `first` to `last`, both included, lies in the window."""
        return (self.start is None or first >= self.start) and (self.end is None or last < self.end)

    def __str__(self) -> str:
        start = "the beginning" if self.start is None else shown_time(self.start)
        return f"from {start} to {'the end' if self.end is None else shown_time(self.end)}"


def parse_window(start: str, end: str) -> TimeWindow:
    """Read a window, in UTC, from the two texts that a form or a command line has; empty leaves it open.

    Parameters
    ----------
    start
        ISO 8601: `2026-05-01`, `2026-05-01T06:00`, `2026-05-01T06:00:00+09:00`, `...Z`. A time without a zone is
        in UTC; a date is its first moment. `-24h` or `-7d` is that long before the end, for runs that recur.
    end
        ISO 8601.

    Raises
    ------
    ValueError
        If a text is not a time, or the end does not come after the start.
    """
    until = _moment(end, name="window_end")
    back = _BACK.fullmatch(start.strip())
    if back is None:
        return TimeWindow(start=_moment(start, name="window_start"), end=until)
    if until is None:
        raise ValueError(f"window_end must be a time where window_start counts back, got {start!r} and nothing")
    return TimeWindow(start=until - timedelta(**{{"h": "hours", "d": "days"}[back[2]]: int(back[1])}), end=until)


def check_kept_days(num_days: float | None) -> None:
    """Refuse days that a log cannot be kept: ValueError unless above 0 and at most a hundred years, or None for all."""
    if num_days is not None and not 0 < num_days <= _MAX_DAYS:
        raise ValueError(f"the days that a log is kept must be above 0 and at most {_MAX_DAYS:,}, got {num_days:g}")


def shown_time(moment: datetime) -> str:
    """A moment for people: in UTC, without fractions of a second where there are none."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')} UTC"


def _moment(text: str, *, name: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(
            f"{name} must be a time in ISO 8601 such as 2026-05-01T06:00:00Z, or empty, got {text!r}"
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
