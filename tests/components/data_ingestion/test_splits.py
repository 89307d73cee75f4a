import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from components.data_ingestion.splits import assign_splits, NOT_PINNED, open_fractions, split_position
from components.shared.contracts.problem import SplitSpec

FRACTIONS = {"train": 0.7, "validation": 0.15, "test": 0.15}


def assigned(positions, classes=None, clusters=None, pinned=None, fractions=FRACTIONS):
    num = len(positions)
    return assign_splits(
        np.array(positions, dtype=float),
        classes=np.array(classes if classes is not None else [-1] * num, dtype=int),
        clusters=np.array(clusters if clusters is not None else range(num)),
        pinned=np.array(pinned if pinned is not None else [NOT_PINNED] * num),
        fractions=fractions,
    ).tolist()


def positions_of(keys):
    return [split_position(hashlib.sha256(str(key).encode()).hexdigest()[:32]) for key in keys]


def test_fractions_cut_the_line_into_train_validation_and_test():
    assert assigned([0.0, 0.69, 0.71, 0.84, 0.86, 0.999]) == [0, 0, 1, 1, 2, 2]


def test_positions_are_uniform():
    positions = np.array(positions_of(range(20000)))
    assert positions.min() >= 0.0
    assert positions.max() < 1.0
    assert np.histogram(positions, bins=10, range=(0, 1))[0] == pytest.approx([2000] * 10, abs=200)


def test_a_split_of_fraction_zero_stays_empty():
    splits = assigned(
        positions_of(range(500)),
        [0] * 500,
        fractions=open_fractions(SplitSpec(train=0.8, validation=0.2, test=0.0), []),
    )
    assert set(splits) == {0, 1}


def test_a_cluster_goes_to_train_where_a_member_is_in_train():
    assert assigned([0.1, 0.9, 0.95], clusters=[0, 0, 2]) == [0, 0, 2]


def test_a_cluster_of_validation_and_test_goes_to_validation():
    assert assigned([0.75, 0.9, 0.1], clusters=[0, 0, 2]) == [1, 1, 0]


def test_a_cluster_that_agrees_stays_in_test():
    assert assigned([0.9, 0.95], clusters=[7, 7]) == [2, 2]


def test_a_pinned_example_stays_where_the_data_put_it():
    assert assigned([0.1, 0.9, 0.5], pinned=[2, 0, NOT_PINNED]) == [2, 0, 0]


def test_a_pinned_test_example_that_was_also_trained_on_is_not_tested_on():
    assert assigned([0.1, 0.2], clusters=[0, 0], pinned=[2, NOT_PINNED]) == [0, 0]


def test_a_class_of_three_is_in_every_split():
    assert sorted(assigned([0.1, 0.2, 0.3], [0, 0, 0])) == [0, 1, 2]


def test_the_example_nearest_to_the_missing_split_moves():
    assert assigned([0.1, 0.2, 0.3, 0.69, 0.8], [0] * 5) == [0, 0, 0, 2, 1]


def test_a_class_of_two_stays_where_its_contents_put_it():
    assert assigned([0.1, 0.2], [0, 0]) == [0, 0]


def test_a_group_that_covers_two_classes_is_not_torn_apart():
    splits = assigned([0.1] * 4 + [0.2] * 4 + [0.3] * 4, [0, 0, 1, 1] * 3, clusters=[0] * 4 + [4] * 4 + [8] * 4)
    assert [len(set(splits[start : start + 4])) for start in (0, 4, 8)] == [1, 1, 1]
    assert set(splits) == {0, 1, 2}


def test_unlabelled_examples_are_split_too():
    assert assigned([0.1, 0.9], [-1, -1]) == [0, 2]


keys = st.sets(st.integers(0, 10**9), min_size=1, max_size=80)


@given(keys=keys, order=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_examples_changes_nothing(keys, order):
    ordered = sorted(keys)
    shuffled = ordered.copy()
    order.shuffle(shuffled)
    first = dict(zip(ordered, assigned(positions_of(ordered), [key % 3 for key in ordered]), strict=True))
    second = dict(zip(shuffled, assigned(positions_of(shuffled), [key % 3 for key in shuffled]), strict=True))
    assert first == second


@given(keys=keys, newcomers=keys)
@settings(max_examples=60, deadline=None)
def test_examples_of_other_classes_change_nothing(keys, newcomers):
    ordered = sorted(keys)
    more = ordered + sorted(newcomers - keys)
    classes = [0 if key in keys else 1 for key in more]
    before = assigned(positions_of(ordered), [0] * len(ordered))
    assert assigned(positions_of(more), classes)[: len(ordered)] == before


@given(newcomers=keys)
@settings(max_examples=30, deadline=None)
def test_examples_of_a_class_that_is_in_every_split_change_nothing(newcomers):
    keys = list(range(-60, 0))
    more = keys + sorted(newcomers)
    assert assigned(positions_of(more), [0] * len(more))[:60] == assigned(positions_of(keys), [0] * 60)


@given(clusters=st.lists(st.integers(0, 9), min_size=1, max_size=60), classes=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_no_cluster_straddles_two_splits(clusters, classes):
    num = len(clusters)
    splits = assigned(positions_of(range(num)), [index % classes for index in range(num)], clusters)
    for cluster in set(clusters):
        assert len({split for split, own in zip(splits, clusters, strict=True) if own == cluster}) == 1


def test_a_test_file_leaves_train_and_validation_to_share():
    assert open_fractions(SplitSpec(test_file="t.csv"), ["test"]) == pytest.approx(
        {"train": 14 / 17, "validation": 3 / 17}
    )


@pytest.mark.parametrize(("num_a_class", "in_train"), [(3, 1), (4, 2), (6, 3), (10, 4)])
def test_a_small_class_has_half_of_its_training_fraction_whatever_the_line_gives(num_a_class, in_train):
    classes = np.repeat(np.arange(200), num_a_class)
    splits = np.array(assigned(positions_of(range(len(classes))), classes))
    counts = np.zeros((200, 3), dtype=int)
    np.add.at(counts, (classes, splits), 1)
    assert counts[:, 0].min() == in_train
    assert counts[:, 1:].min() == 1
