import math

import numpy as np
import pytest

from components.active_learning.queue.agreement import krippendorff_alpha
from components.active_learning.queue.consensus import consensus_labels

CLASSES = ("1", "2", "3", "4", "5")


def krippendorffs_example() -> list[dict[str, str]]:
    """Krippendorff (2011), section C: four observers, twelve units, missing data; alpha of nominal data is 0.743."""
    observers = {
        "A": "1 2 3 3 2 1 4 1 2 . . .",
        "B": "1 2 3 3 2 2 4 1 2 5 . 3",
        "C": ". 3 3 3 2 3 4 2 2 5 1 .",
        "D": "1 2 3 3 2 4 4 1 2 5 1 .",
    }
    columns = {name: text.split() for name, text in observers.items()}
    return [{name: told[unit] for name, told in columns.items() if told[unit] != "."} for unit in range(12)]


def test_alpha_is_that_of_krippendorffs_example():
    found = krippendorff_alpha(krippendorffs_example(), CLASSES)
    assert found.alpha == pytest.approx(0.743, abs=5e-4)
    assert found.low < found.alpha < found.high
    assert (found.num_examples, found.num_annotators) == (11, 4)


def test_alpha_is_undefined_where_nothing_can_be_compared():
    assert math.isnan(krippendorff_alpha([], CLASSES).alpha)
    assert math.isnan(krippendorff_alpha([{"A": "1"}, {"A": "2"}], CLASSES).alpha)
    assert math.isnan(krippendorff_alpha([{"A": "1", "B": "1"}] * 3, CLASSES).alpha)


def test_alpha_of_guesses_is_about_zero():
    chance = np.random.default_rng(0)
    votes = [{name: CLASSES[chance.integers(2)] for name in "AB"} for _ in range(400)]
    found = krippendorff_alpha(votes, CLASSES)
    assert found.low < 0.0 < found.high


def test_most_decide_and_ties_are_left_to_people():
    votes = [{"A": "1"}, {"A": "1", "B": "1"}, {"A": "1", "B": "2"}, {"A": "1", "B": "2", "C": "1"}]
    found = consensus_labels(votes, CLASSES).labels
    assert [told.label for told in found] == ["1", "1", None, "1"]
    assert [told.outcome for told in found] == ["single", "agreed", "tie", "agreed"]
    assert [told.agreement for told in found] == [None, 1.0, 0.5, pytest.approx(2 / 3)]


def test_a_person_who_guesses_has_the_lowest_quality_and_the_same_votes_give_the_same():
    chance = np.random.default_rng(1)
    votes = []
    for _ in range(80):
        right = CLASSES[chance.integers(2)]
        votes.append({"A": right, "B": right, "guesses": CLASSES[chance.integers(2)]})
    first, second = (consensus_labels(votes, CLASSES) for _ in range(2))
    assert min(first.quality, key=lambda name: first.quality[name]) == "guesses"
    assert first == second


@pytest.mark.parametrize(
    "votes", [[{"A": "1", "B": "2"}], [{"A": "1", "B": "1"}], [{"A": "1", "B": "2", "C": "3"}] * 2]
)
def test_too_little_overlap_for_cleanlab_is_no_error(votes):
    assert consensus_labels(votes, CLASSES).quality == {}
