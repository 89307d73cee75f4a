"""Cross-validated probabilities never come from a model that saw the row."""

import numpy as np
import pytest

from components.modeling.label_evidence.out_of_sample import cross_validated_probabilities
from tests.components.model_analysis.label_errors.planted_labels import planted


def test_labels_by_chance_cannot_be_predicted_from_wide_embeddings() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)

    found = cross_validated_probabilities(rng.normal(size=(300, 400)), labels, 2)

    assert abs((found.argmax(axis=1) == labels).mean() - 0.5) < 0.1
    assert np.allclose(found.sum(axis=1), 1.0)


def test_digits_are_predicted() -> None:
    case = planted("digits", "evenly", 0.0, seed=7)

    found = cross_validated_probabilities(case.features, case.labels, 10)

    assert (found.argmax(axis=1) == case.labels).mean() > 0.9


def test_copies_in_one_group_do_not_tell_one_another() -> None:
    rng = np.random.default_rng(1)
    vectors, labels = rng.normal(size=(100, 200)), rng.integers(0, 2, 100)
    copies, groups = np.tile(vectors, (4, 1)), np.tile(np.arange(100), 4)

    apart = cross_validated_probabilities(copies, np.tile(labels, 4), 2, groups=groups)
    mixed = cross_validated_probabilities(copies, np.tile(labels, 4), 2)

    assert (apart.argmax(axis=1) == np.tile(labels, 4)).mean() < 0.7
    assert (mixed.argmax(axis=1) == np.tile(labels, 4)).mean() > 0.9


def test_few_examples_and_one_class_give_the_classes_shares() -> None:
    assert cross_validated_probabilities(np.ones((4, 2)), np.array([0, 0, 0, 1]), 3)[0].tolist() == [0.75, 0.25, 0.0]
    assert cross_validated_probabilities(np.ones((20, 2)), np.zeros(20, int), 2)[0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("labels", "groups", "dimensions"),
    [
        ([0, 1, 2, 3] * 3, None, 2),
        ([0, 1] * 6, [0] * 6 + [1] * 6, 2),
        ([0, 1] * 6, [0] * 12, 2),
        ([0, 1] * 6, None, 0),
        (list(range(12)), None, 2),
    ],
)
def test_few_of_a_class_few_groups_and_no_embedding_are_no_error(labels, groups, dimensions):
    embeddings = np.random.default_rng(0).normal(size=(12, dimensions))
    kinds = None if groups is None else np.array(groups)
    num_classes = max(labels) + 1
    found = cross_validated_probabilities(embeddings, np.array(labels), num_classes, groups=kinds)
    assert found.shape == (12, num_classes)
    assert np.allclose(found.sum(axis=1), 1.0)
