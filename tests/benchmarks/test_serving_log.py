"""The benchmark of the serving log in its smallest case: what it measures, not how much."""

import re

import pytest

from benchmarks import serving_log


def test_rows_of_every_size_of_request_are_written_and_none_is_lost(capsys):
    serving_log.writing(rows=1000)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [(line[0], line[1], line[4]) for line in lines] == [
        (size, "1,000" if size != "64" else "960", "0") for size in ("1", "8", "64", "1,000")
    ]


def test_one_day_of_longer_and_longer_logs_is_opened(capsys):
    serving_log.days(rows=96, most_days=4)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [line[:2] for line in lines] == [["1", "24"], ["4", "96"]]


def test_every_planted_ambiguity_of_late_labels_is_reported_by_its_kind(capsys):
    serving_log.labels(num_labels=2000)
    printed = capsys.readouterr().out
    planted, reported, others = re.search(r": (\d+) .* planted, (\d+) reported .*, (\d+) others", printed).groups()
    assert int(planted) >= 60
    assert (reported, others) == (planted, "0")


@pytest.mark.slow
def test_what_a_killed_collector_acknowledged_is_stored_once(capsys):
    serving_log.kills(rounds=1, clients=2)
    assert re.search(r"1 kills, .* 0 missing, 0 stored twice; .* 0 unexplained", capsys.readouterr().out)
