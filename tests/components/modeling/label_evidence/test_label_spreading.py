"""Labels spread over near examples, by distance."""

import numpy as np
import pytest
from sklearn.datasets import make_moons

from components.modeling.label_evidence.label_spreading import LabelGraph, NO_CLASS
from tests.components.active_learning.pseudo_labels.planted_pools import planted


def test_two_moons_are_told_apart_from_a_few_labels_of_each() -> None:
    rows, truth = make_moons(400, noise=0.05, random_state=0)
    labelled = np.concatenate([np.flatnonzero(truth == label)[:4] for label in (0, 1)])
    found = LabelGraph(rows).classes(labelled, truth[labelled], 2)

    assert (found == truth).mean() > 0.97


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_class_with_more_labels_does_not_win_everywhere(seed: int) -> None:
    case = planted("blobs", seed, num_train=400)
    rows = np.concatenate([np.flatnonzero(case.labels == label)[:num] for label, num in ((0, 4), (1, 12))])
    found = LabelGraph(np.concatenate([case.train[rows], case.pool])).classes(np.arange(16), case.labels[rows], 2)[16:]

    assert (found == case.pool_truth).mean() > 0.85


def test_distance_counts_not_the_angle() -> None:
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(place, 0.1, (30, 2)) for place in (1.0, 5.0)])
    found = LabelGraph(rows).classes(np.array([0, 59]), np.array([0, 1]), 2)

    assert found.tolist() == [0] * 30 + [1] * 30


def test_what_no_label_reaches_has_no_class() -> None:
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(place, 0.1, (30, 2)) for place in (-9.0, 0.0, 9.0)])
    found = LabelGraph(rows).classes(np.array([0, 89]), np.array([0, 1]), 2)

    assert found[:30].tolist() == [0] * 30
    assert set(found[30:60].tolist()) == {NO_CLASS}
