"""Near duplicates with different labels are found, and examples that are like no other."""

import numpy as np

from components.modeling.label_evidence.neighbourhoods import neighbourhoods, NO_ROW
from tests.components.model_analysis.label_errors.planted_labels import planted


def test_only_planted_duplicates_contradict_one_another() -> None:
    case = planted("digits", "evenly", 0.0, seed=5)
    rng = np.random.default_rng(5)
    copies = case.features[:20] + rng.normal(0, 0.05, (20, case.features.shape[1]))
    labels = np.concatenate([case.truth, case.truth[:20]])
    labels[-10:] = (labels[-10:] + 1) % 10

    found = neighbourhoods(np.concatenate([case.features, copies]), labels)

    assert np.flatnonzero(found.contradicted_by != NO_ROW).tolist() == [*range(10, 20), *range(910, 920)]
    assert found.contradicted_by[10:20].tolist() == list(range(910, 920))


def test_equal_contents_contradict_without_embeddings() -> None:
    content_ids = np.array([7, 8, 7, 0, 0, 8], dtype=np.uint64)

    found = neighbourhoods(np.empty((6, 0)), np.array([0, 1, 1, 0, 1, 1]), content_ids)

    assert found.contradicted_by.tolist() == [2, NO_ROW, 0, NO_ROW, NO_ROW, NO_ROW]
    assert not found.is_outlier.any()


def test_noise_among_digits_is_like_no_other() -> None:
    case = planted("digits", "evenly", 0.0, seed=6)
    noise = np.random.default_rng(6).normal(0, 8, (5, case.features.shape[1]))
    labels = np.concatenate([case.truth, np.zeros(5, int)])

    found = neighbourhoods(np.concatenate([case.features, noise]), labels)

    assert found.is_outlier[-5:].all()
    assert found.is_outlier[:-5].mean() < 0.01
