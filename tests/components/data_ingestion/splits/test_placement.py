import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from components.data_ingestion.splits.line import NOT_PINNED, open_fractions
from components.data_ingestion.splits.placement import ExamplesToSplit, place_examples, Placement
from components.data_ingestion.splits.time_order import LEFT_OUT
from components.shared.contracts.problem import SplitSpec
from components.shared.contracts.split_line import split_position

SHARES = np.array([0.7, 0.15, 0.15])


def placed(
    positions, classes=None, clusters=None, pinned=None, known=None, train_only=None, spec=None, predefined=()
) -> Placement:
    num = len(positions)
    given_classes = np.array([-1] * num if classes is None else classes, dtype=int)
    examples = ExamplesToSplit(
        positions=np.array(positions, dtype=float),
        classes=given_classes,
        class_names=[f"c{number}" for number in range(given_classes.max(initial=-1) + 1)],
        clusters=np.arange(num) if clusters is None else np.array(clusters),
        pinned=np.array([NOT_PINNED] * num if pinned is None else pinned),
        known=np.array([NOT_PINNED] * num if known is None else known),
        train_only=np.zeros(num, bool) if train_only is None else np.array(train_only, dtype=bool),
    )
    return place_examples(examples, spec or SplitSpec(), predefined, source="here")


def assigned(*arguments, **settings_of_split) -> list[int]:
    return placed(*arguments, **settings_of_split).splits.tolist()


def positions_of(keys, salt=""):
    return [split_position(hashlib.sha256(str(key).encode()).hexdigest()[:32], salt=salt) for key in keys]


def counts_of(splits, classes) -> np.ndarray:
    counts = np.zeros((max(classes, default=-1) + 1, 3), dtype=int)
    np.add.at(counts, (np.array(classes, dtype=int), np.array(splits, dtype=int)), 1)
    return counts


def test_the_order_of_positions_is_the_order_of_the_splits():
    splits = assigned([0.05 * place for place in range(20)], [0] * 20)
    assert splits == sorted(splits)
    assert [splits.count(split) for split in range(3)] == [14, 3, 3]


def test_positions_are_uniform_and_a_salt_gives_others():
    positions, salted = np.array(positions_of(range(20000))), np.array(positions_of(range(20000), salt="2"))
    for found in (positions, salted):
        assert found.min() >= 0.0
        assert found.max() < 1.0
        assert np.histogram(found, bins=10, range=(0, 1))[0] == pytest.approx([2000] * 10, abs=200)
    assert abs(np.corrcoef(positions, salted)[0, 1]) < 0.05


def test_600_balanced_photos_are_split_evenly():
    splits = assigned(positions_of(range(600)), [0] * 300 + [1] * 300)
    assert counts_of(splits, [0] * 300 + [1] * 300).tolist() == [[210, 45, 45], [210, 45, 45]]


def test_a_split_of_fraction_zero_stays_empty():
    spec = SplitSpec(train=0.8, validation=0.2, test=0.0)
    splits = assigned(positions_of(range(500)), [0] * 500, spec=spec)
    assert [splits.count(split) for split in range(3)] == [400, 100, 0]


@given(sizes=st.lists(st.integers(0, 80), min_size=1, max_size=6), start=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_fractions_hold_in_every_class_within_one_example(sizes, start):
    classes = np.repeat(np.arange(len(sizes)), sizes)
    found = counts_of(assigned(positions_of(range(start, start + len(classes))), classes), list(classes))
    for size, counts in zip(sizes, found, strict=False):
        # A class of three is in every split, one example each, though 2.1 belong in train.
        assert np.abs(counts - size * SHARES).max() <= (1.0 if size != 3 else 1.1) + 1e-9
        assert size < 3 or counts.min() >= 1


def test_many_small_classes_do_not_favour_a_split():
    classes = np.repeat(np.arange(400), 10)
    totals = counts_of(assigned(positions_of(range(4000)), classes), list(classes)).sum(axis=0)
    assert totals / 4000 == pytest.approx(SHARES, abs=0.01)


def test_a_class_of_two_may_be_absent_from_a_split():
    assert len(assigned([0.1, 0.2], [0, 0])) == 2


def test_unlabelled_examples_and_numbers_as_labels_are_cut_as_one_class():
    splits = assigned(positions_of(range(200)))
    assert [splits.count(split) for split in range(3)] == [140, 30, 30]


def test_a_pinned_example_stays_where_the_data_put_it():
    assert assigned([0.1, 0.9, 0.5], pinned=[2, 2, NOT_PINNED], predefined=("test",))[:2] == [2, 2]


def test_a_pinned_test_example_that_was_also_trained_on_is_not_tested_on():
    found = placed([0.1, 0.2], clusters=[0, 0], pinned=[2, NOT_PINNED], predefined=("test",))
    assert set(found.splits.tolist()) <= {0, 1}
    assert len(set(found.splits.tolist())) == 1
    assert found.num_not_tested == 1


def test_a_test_file_leaves_train_and_validation_to_share():
    spec = SplitSpec(test_file="t.csv")
    assert open_fractions(spec, ["test"]) == pytest.approx({"train": 14 / 17, "validation": 3 / 17})
    splits = assigned(
        positions_of(range(270)), [0] * 270, pinned=[2] * 100 + [NOT_PINNED] * 170, spec=spec, predefined=("test",)
    )
    assert [splits.count(split) for split in range(3)] == [140, 30, 100]


def test_a_group_that_covers_two_classes_is_not_torn_apart():
    splits = assigned([0.1] * 4 + [0.2] * 4 + [0.3] * 4, [0, 0, 1, 1] * 3, clusters=[0] * 4 + [4] * 4 + [8] * 4)
    assert [len(set(splits[start : start + 4])) for start in (0, 4, 8)] == [1, 1, 1]
    assert set(splits) == {0, 1, 2}


def test_groups_come_as_near_to_the_fractions_as_their_sizes_allow():
    sizes = np.random.default_rng(0).integers(1, 30, 120)
    clusters = np.repeat(np.arange(120), sizes)
    positions = np.array(positions_of(range(120)))[clusters]
    splits = np.array(assigned(positions, [0] * len(clusters), clusters=clusters))
    found = np.bincount(splits, minlength=3)
    assert np.abs(found - len(clusters) * SHARES).max() <= 5
    notes = placed(positions, [0] * len(clusters), clusters=clusters).notes
    assert notes[0].startswith("asked for are 70.0% train, 15.0% validation, 15.0% test: ")


def test_single_examples_fill_what_groups_leave_so_that_the_fractions_hold():
    clusters = np.concatenate([np.repeat(np.arange(20), 200), np.arange(20, 3020)])
    classes = np.arange(7000) % 2
    splits = np.array(assigned(np.array(positions_of(range(3020)))[clusters], classes, clusters=clusters))
    assert counts_of(splits, list(classes)).tolist() == [[2450, 525, 525], [2450, 525, 525]]
    assert len(set(splits[:4000].tolist())) == 3


def test_what_the_fractions_came_to_is_said():
    [note] = placed(positions_of(range(40)), [0] * 40).notes
    assert note.endswith("every class has that within one example")
    [note] = placed([0.5] * 10, [0] * 10, clusters=[0] * 10).notes
    assert note.endswith("1 classes are farther from it than one example: c0 has 100.0% in train")


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


def test_a_class_that_grows_moves_only_examples_near_a_cut():
    before = np.array(assigned(positions_of(range(300)), [0] * 300))
    after = np.array(assigned(positions_of(range(400)), [0] * 400))[:300]
    assert (before != after).mean() < 0.05


@given(
    clusters=st.lists(st.integers(0, 9), min_size=1, max_size=60),
    classes=st.integers(1, 4),
    known=st.lists(st.integers(-1, 2), min_size=60, max_size=60),
    machine=st.lists(st.booleans(), min_size=60, max_size=60),
)
@settings(max_examples=100, deadline=None)
def test_no_group_is_in_two_splits_and_nothing_is_judged_on_what_a_machine_labelled(clusters, classes, known, machine):
    num = len(clusters)
    splits = assigned(
        positions_of(range(num)),
        [index % classes for index in range(num)],
        clusters,
        known=known[:num],
        train_only=machine[:num],
    )
    for cluster in set(clusters):
        members = {split for split, own in zip(splits, clusters, strict=True) if own == cluster and split != LEFT_OUT}
        assert len(members) <= 1
    assert all(split in (0, LEFT_OUT) for split, is_machine in zip(splits, machine, strict=False) if is_machine)
    assert all(split != LEFT_OUT for split, is_machine in zip(splits, machine, strict=False) if not is_machine)


@given(labels=st.lists(st.integers(0, 3), min_size=20, max_size=80), corrected=st.data())
@settings(max_examples=60, deadline=None)
def test_under_like_a_corrected_label_and_new_examples_move_no_known_one(labels, corrected):
    before = assigned(positions_of(range(len(labels))), labels)
    changed = [corrected.draw(st.integers(0, 3)) for _ in labels] + [0] * 30
    after = assigned(positions_of(range(len(changed))), changed, known=before + [NOT_PINNED] * 30)
    assert after[: len(labels)] == before


def test_under_like_new_examples_bring_the_fractions_back():
    known = [0] * 90 + [1] * 5 + [2] * 5
    splits = assigned(positions_of(range(200)), [0] * 200, known=known + [NOT_PINNED] * 100)
    assert [splits.count(split) for split in range(3)] == [140, 30, 30]


def test_under_like_a_known_member_decides_for_the_new_members_of_its_group():
    splits = assigned(
        positions_of(range(8)), [0] * 8, clusters=[0, 0, 0, 3, 4, 5, 6, 7], known=[NOT_PINNED, 2, NOT_PINNED] + [0] * 5
    )
    assert splits[:3] == [2, 2, 2]


def test_known_members_that_disagree_go_where_one_was_trained_on_and_that_is_said():
    found = placed([0.1, 0.2], [0, 0], clusters=[0, 0], known=[2, 0])
    assert found.splits.tolist() == [0, 0]
    assert any(note.startswith("1 known examples left the split") for note in found.notes)


def test_what_a_machine_labelled_is_trained_on_only_and_does_not_count_for_the_fractions():
    machine = [False] * 100 + [True] * 300
    splits = np.array(assigned(positions_of(range(400)), [0] * 400, train_only=machine))
    assert np.bincount(splits[:100], minlength=3).tolist() == [70, 15, 15]
    assert set(splits[100:].tolist()) == {0}


def test_what_a_machine_labelled_leaves_the_test_split_that_a_file_or_like_gives_it_and_that_is_said():
    found = placed([0.1, 0.2], [0, 0], pinned=[2, NOT_PINNED], known=[NOT_PINNED, 1], train_only=[True, True])
    assert found.splits.tolist() == [0, 0]
    assert any(note.startswith("2 of these were moved to train") for note in found.notes)


def test_what_a_machine_labelled_is_left_out_where_it_belongs_with_known_test_examples():
    found = placed([0.1, 0.2], [0, 0], clusters=[0, 0], known=[2, NOT_PINNED], train_only=[False, True])
    assert found.splits.tolist() == [2, LEFT_OUT]
    assert sum(found.left_out.values()) == 1


@pytest.mark.parametrize(("num_a_class", "in_train"), [(3, 1), (4, 2), (6, 4), (10, 7)])
def test_a_small_class_is_in_every_split(num_a_class, in_train):
    classes = np.repeat(np.arange(200), num_a_class)
    counts = counts_of(assigned(positions_of(range(len(classes))), classes), list(classes))
    assert counts[:, 0].min() == in_train
    assert counts[:, 1:].min() == 1


def test_a_class_of_groups_alone_is_in_every_split_too():
    clusters = np.repeat(np.arange(3), [50, 2, 2])
    assert set(assigned([0.1] * 54, [0] * 54, clusters=clusters)) == {0, 1, 2}
