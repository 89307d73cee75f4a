from datetime import datetime, timedelta, timezone, UTC

import pytest

from components.shared.serving_log.time_window import parse_window, shown_time, TimeWindow

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-05-01T12:00:00Z", "2026-05-01T12:00", "2026-05-01T21:00:00+09:00", " 2026-05-01 12:00 "]
)
def test_a_time_is_read_in_utc_whatever_its_zone(text):
    assert parse_window(text, "") == TimeWindow(start=NOON)


def test_a_date_is_its_first_moment():
    assert parse_window("2026-05-01", "2026-05-02").end == datetime(2026, 5, 2, tzinfo=UTC)


def test_what_is_no_time_is_named_with_its_parameter():
    with pytest.raises(ValueError, match=r"window_end must be a time in ISO 8601 .* got 'yesterday'"):
        parse_window("2026-05-01", "yesterday")


@pytest.mark.parametrize(("start", "hours"), [("-24h", 24), ("-1d", 24), (" -7d ", 168)])
def test_a_start_may_count_back_from_the_end(start, hours):
    window = parse_window(start, "2026-05-01T12:00Z")
    assert window == TimeWindow(start=NOON - timedelta(hours=hours), end=NOON)


def test_a_start_that_counts_back_needs_an_end():
    with pytest.raises(ValueError, match="window_end must be a time where window_start counts back, got '-24h'"):
        parse_window("-24h", "")


def test_an_end_before_its_start_is_an_error():
    with pytest.raises(ValueError, match=r"end must come after its start, got 2026-05-02.* to 2026-05-01"):
        parse_window("2026-05-02", "2026-05-01")


def test_a_time_without_a_zone_is_no_window():
    with pytest.raises(ValueError, match="the window's start must have a time zone"):
        TimeWindow(start=datetime(2026, 5, 1))


def test_the_start_belongs_to_the_window_and_the_end_does_not():
    window = TimeWindow(start=NOON, end=NOON + timedelta(hours=1))
    assert window.covers(NOON, NOON)
    assert not window.overlaps(window.end, window.end)
    assert window.overlaps(NOON - timedelta(hours=1), NOON)
    assert not window.covers(NOON - timedelta(hours=1), NOON)


def test_an_open_window_covers_everything():
    assert TimeWindow().covers(datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


def test_times_are_shown_in_utc():
    seoul = timezone(timedelta(hours=9))
    assert shown_time(datetime(2026, 5, 1, 21, tzinfo=seoul)) == "2026-05-01 12:00:00 UTC"
    assert str(TimeWindow(start=NOON)) == "from 2026-05-01 12:00:00 UTC to the end"
