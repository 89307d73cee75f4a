import numpy as np
import pytest

from components.data_ingestion.class_names import class_warnings, counts_by_split, ordered_class_names


def test_names_are_ordered_by_letters():
    assert ordered_class_names({"dog": 1, "cat": 2}, [], source="x") == ("cat", "dog")


def test_whole_numbers_are_ordered_by_value():
    assert ordered_class_names({"10": 1, "9": 2, "-1": 1}, [], source="x") == ("-1", "9", "10")


def test_the_problem_files_order_wins_and_missing_classes_are_left_out():
    assert ordered_class_names({"a": 1, "b": 2, "c": 3}, ["c", "z", "a"], source="x") == ("c", "a")


@pytest.mark.parametrize(
    ("labels", "declared", "message"),
    [
        ({}, [], "two classes or more, but has none"),
        ({"cat": 5}, [], "two classes or more, but has only 'cat'"),
        ({"cat": 5, "dog": 5}, ["cat", "bird"], "only 'cat' of the problem file's classes cat, bird"),
        ({str(number): 1 for number in range(30)}, [], "30 examples have 30 different ones"),
        ({str(number): 9 for number in range(1001)}, [], "at most 1000"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, declared, message):
    with pytest.raises(ValueError, match=message):
        ordered_class_names(labels, declared, source="x")


def test_missing_and_rare_classes_are_warned_of():
    assert class_warnings({"cat": 50, "dog": 1}, ["cat", "dog", "bird"]) == [
        "the problem file's class 'bird' has no example",
        "the class 'dog' has 1 example, too few to be in every split",
    ]


def test_examples_are_counted_by_split_and_label_and_unlabelled_ones_under_no_name():
    counts = counts_by_split(np.array([0, 1, 1, -1, 0]), np.array([0, 0, 0, 0, 2]), ("cat", "dog"))
    assert counts == {"train": {"cat": 1, "dog": 2, "": 1}, "validation": {}, "test": {"cat": 1}}
