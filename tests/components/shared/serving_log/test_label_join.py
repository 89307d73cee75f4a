"""Planted ambiguities among labels that are plain: every one is reported, by its kind, and no plain one is."""

import numpy as np
import pyarrow as pa
import pytest

from components.shared.serving_log.label_join import join_labels, LateLabels, NO_TIME, NOT_JOINED, ServedKeys
from components.shared.tables.personal_key import keyed_hash


def served(*rows) -> ServedKeys:
    keys, numbers, times = zip(*rows, strict=True) if rows else ((), (), ())
    return ServedKeys(
        keys=pa.array(keys, pa.string()), rows=np.array(numbers, np.int64), times_us=np.array(times, np.int64)
    )


def late(*rows, by="row", versions=None) -> LateLabels:
    keys, places, labels = zip(*rows, strict=True)
    numbers = np.array(
        [NO_TIME if place is None and by == "time" else -1 if place is None else place for place in places]
    )
    return LateLabels(
        keys=pa.array(keys, pa.string()),
        rows=numbers.astype(np.int64) if by == "row" else None,
        times_us=numbers.astype(np.int64) if by == "time" else None,
        labels=pa.array(labels),
        versions=np.array(versions or [1] * len(keys), np.int64),
    )


def test_a_row_of_a_request_is_found_whatever_the_order():
    rows = served(("b", 1, 5), ("a", 0, 9), ("b", 0, 5))
    found = join_labels(late(("b", 0, "x"), ("a", 0, "y"), ("b", 1, "z")), rows)
    assert found.served.tolist() == [2, 1, 0]
    assert found.problems == {}


def test_a_request_of_one_row_needs_no_number():
    found = join_labels(late(("a", None, "x"), ("b", None, "y")), served(("a", 0, 1), ("b", 0, 1), ("b", 1, 1)))
    assert found.served.tolist() == [0, NOT_JOINED]
    assert found.problems == {1: "several_rows"}


def test_an_identifier_means_what_was_served_last_before_the_label():
    rows = served(("shop", 0, 30), ("shop", 0, 10), ("other", 0, 20))
    found = join_labels(late(("shop", 29, "a"), ("shop", 30, "b"), ("shop", 9, "c"), by="time"), rows)
    assert found.served.tolist() == [1, 0, NOT_JOINED]
    assert found.problems == {2: "before_served"}


@pytest.mark.parametrize(
    ("labels", "rows", "problems"),
    [
        (late(("x", 0, "a")), served(("a", 0, 1)), {0: "unmatched"}),
        (late(("a", 7, "a")), served(("a", 0, 1)), {0: "unmatched"}),
        (late(("a", 0, "a")), served(), {0: "unmatched"}),
        (late(("a", 0, "a")), served(("a", 0, 1), ("a", 0, 2)), {0: "served_twice"}),
        (late(("a", 5, "a"), by="time"), served(("a", 0, 5), ("a", 1, 5)), {0: "served_twice"}),
        (late(("a", None, "a"), by="time"), served(("a", 0, 5), ("a", 0, 6)), {0: "no_time"}),
        (late(("a", None, "a"), by="time"), served(("a", 0, 5)), {}),
        (late(("a", 0, None), ("b", 0, "x")), served(("a", 0, 1), ("b", 0, 1)), {0: "no_label"}),
        (late((None, 0, "x"), ("b", 0, "x")), served(("a", 0, 1), ("b", 0, 1)), {0: "unmatched"}),
        (late(("a", 0, "x"), ("a", 0, "y")), served(("a", 0, 1)), {0: "conflict", 1: "conflict"}),
        (late(("a", 6, "x"), ("a", 7, "y"), by="time"), served(("a", 0, 5)), {0: "conflict", 1: "conflict"}),
        (late(("a", 0, "x"), ("a", 0, "y"), versions=[1, 2]), served(("a", 0, 1)), {}),
    ],
)
def test_what_is_not_plain_is_reported_by_its_kind(labels, rows, problems):
    found = join_labels(labels, rows)
    assert found.problems == problems
    assert set(np.flatnonzero(found.served == NOT_JOINED)) == set(problems)


def test_the_same_label_twice_is_one_and_no_problem():
    found = join_labels(late(("a", 0, "x"), ("a", 0, "x")), served(("a", 0, 1)))
    assert (found.served.tolist(), found.problems, found.num_repeated) == ([0, NOT_JOINED], {}, 1)


def test_an_identifier_that_the_log_hashed_is_found_by_its_value():
    phone = "010-1234-5678"
    found = join_labels(late((phone, 6, "x"), by="time"), served((keyed_hash(phone), 0, 5)))
    assert found.served.tolist() == [0]


@pytest.mark.parametrize("seed", [0, 1])
def test_among_many_labels_every_planted_ambiguity_is_reported_and_nothing_else(seed):
    rng = np.random.default_rng(seed)
    num = 3000
    rows = [(f"r{number}", row, number) for number in range(num) for row in range(1 + number % 3)]
    rows += [(f"r{number}", 0, number) for number in range(0, num, 50)]  # served twice
    labels = [(f"r{number}", row, f"label {number} {row}") for number in range(num) for row in range(1 + number % 3)]
    expected: dict[str, str] = {f"label {number} 0": "served_twice" for number in range(0, num, 50)}
    for number in range(7, num, 60):
        labels.append((f"x{number}", 0, f"nobody {number}"))
        expected[f"nobody {number}"] = "unmatched"
    for number in range(1, num, 90):  # of two rows each, or three: without a number
        labels.append((f"r{number}", None, f"which {number}"))
        expected[f"which {number}"] = "several_rows"
    order = rng.permutation(len(labels))
    labels = [labels[place] for place in order]
    shuffled = [rows[place] for place in rng.permutation(len(rows))]
    found = join_labels(late(*labels), served(*shuffled))
    assert {labels[place][2]: kind for place, kind in found.problems.items()} == expected
    for place, (key, row, _) in enumerate(labels):
        if place not in found.problems:
            assert shuffled[found.served[place]][:2] == (key, row)
