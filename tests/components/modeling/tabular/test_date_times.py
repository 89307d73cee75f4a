"""Dates and times that stand in a table as text."""

import numpy as np
import pytest

from components.modeling.tabular.date_times import are_times, time_parts


@pytest.mark.parametrize(
    ("text", "seconds", "of_the_day", "weekday"),
    [
        ("1970-01-01", 0, 0, 3),
        ("1970-01-05 00:01:00", 345_660, 60, 0),
        ("2014-05-16 19:31:40", 1_400_268_700, 70_300, 4),
        ("2014-05-16T19:31:40Z", 1_400_268_700, 70_300, 4),
        ("2014/05/17 04:31:40+09:00", 1_400_268_700, 70_300, 4),
        ("1969-12-31 23:00:00", -3600, 82_800, 2),
    ],
)
def test_a_time_has_its_seconds_its_hour_and_its_weekday(text, seconds, of_the_day, weekday):
    assert time_parts([text])[0].tolist() == [seconds, of_the_day, weekday]


@pytest.mark.parametrize("text", [None, "", "20140516", "2014-W20-5", "2014-05", "12:30", "2014-13-01", "단종 2014"])
def test_anything_else_is_no_time(text):
    assert np.isnan(time_parts([text])).all()


def test_no_times_have_no_parts():
    assert time_parts([]).shape == (0, 3)


def test_a_column_is_one_of_times_where_nearly_all_rows_are():
    assert are_times(["2014-05-16", "unknown"], [95, 5])
    assert not are_times(["2014-05-16", "unknown"], [94, 6])
    assert not are_times([], [])
