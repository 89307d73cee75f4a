from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from components.data_ingestion.splits.line import NOT_PINNED
from components.data_ingestion.splits.placement import ExamplesToSplit, place_examples, Placement
from components.data_ingestion.splits.time_order import LEFT_OUT
from components.shared.contracts.problem import SplitSpec

BY_TIME = SplitSpec(by="time")


def placed(times, *, clusters=None, train_only=None, spec=BY_TIME, predefined=()) -> Placement:
    num = len(times)
    examples = ExamplesToSplit(
        positions=np.linspace(0, 0.99, num),
        classes=np.zeros(num, dtype=int),
        class_names=["c"],
        clusters=np.arange(num) if clusters is None else np.array(clusters),
        pinned=np.full(num, NOT_PINNED),
        known=np.full(num, NOT_PINNED),
        train_only=np.zeros(num, bool) if train_only is None else np.array(train_only),
        times=np.array(times, dtype=float),
    )
    return place_examples(examples, spec, predefined, source="here")


def test_the_past_is_trained_on_and_the_newest_are_tested_on():
    assert placed([20 - place for place in range(20)]).splits.tolist() == [2] * 3 + [1] * 3 + [0] * 14


def test_examples_of_one_time_stay_together_and_no_split_is_empty():
    assert placed([1] * 90 + [2] * 6 + [3] * 4).splits.tolist() == [0] * 90 + [1] * 6 + [2] * 4
    years = [2013] * 10 + [2014] * 10 + [2015] * 10 + [2016] * 10
    assert placed(years).splits.tolist() == [0] * 20 + [1] * 10 + [2] * 10


def test_without_a_test_fraction_the_newest_are_the_validation_split():
    spec = SplitSpec(by="time", train=0.8, validation=0.2, test=0.0)
    assert placed(range(10), spec=spec).splits.tolist() == [0] * 8 + [1] * 2


def test_of_a_group_that_spans_a_cut_the_smaller_part_is_left_out_and_counted():
    found = placed(range(20), clusters=[0] * 8 + list(range(8, 13)) + [0] + list(range(14, 19)) + [0])
    assert found.splits.tolist() == [0] * 14 + [1] * 3 + [2] * 2 + [LEFT_OUT]
    assert found.left_out["most of its group, or of its copies, lies in another part of time"] == 1


def test_what_a_machine_labelled_after_the_cut_is_left_out():
    found = placed(range(20), train_only=[place in (3, 15, 19) for place in range(20)])
    assert found.splits.tolist() == [0] * 14 + [1, LEFT_OUT, 1] + [2, 2, LEFT_OUT]
    assert found.left_out["not labelled by people by the present definition, and newer than what is trained on"] == 2


@given(
    times=st.lists(st.integers(0, 40), min_size=3, max_size=80).filter(lambda values: len(set(values)) >= 3),
    groups=st.lists(st.integers(0, 30), min_size=80, max_size=80),
)
@settings(max_examples=80, deadline=None)
def test_the_splits_are_in_order_of_time_and_no_group_is_in_two(times, groups):
    groups = groups[: len(times)]
    splits = placed(times, clusters=groups).splits
    ends = [[time for time, found in zip(times, splits, strict=True) if found == split] for split in range(3)]
    for earlier, later in ((0, 1), (1, 2), (0, 2)):
        assert not ends[earlier] or not ends[later] or max(ends[earlier]) < min(ends[later])
    for group in set(groups):
        members = {split for split, own in zip(splits, groups, strict=True) if own == group and split != LEFT_OUT}
        assert len(members) <= 1


def test_too_few_times_are_refused():
    with pytest.raises(ValueError, match="at least 3 different times, one a split, but here has 2"):
        placed([1, 1, 2])


def test_predefined_splits_are_refused():
    with pytest.raises(ValueError, match=r"must split the data itself, but here gives the splits \['test'\]"):
        placed([1, 2, 3], predefined=("test",))
