import numpy as np
import pytest

from components.drift.binned import binned_category, binned_number
from components.drift.joint import joint_columns, joint_map, joint_statistics


def test_inner_products_of_the_features_approximate_the_gaussian_kernel():
    rng = np.random.default_rng(0)
    reference, current = rng.normal(size=(2, 300, 3))
    features = joint_map(reference, current, num_features=20_000, seed=1)
    first, second = (features(side)[:, : features.num_fourier] for side in (reference, current))
    pooled = np.concatenate([reference, current])
    standard = [(side - pooled.mean(axis=0)) / pooled.std(axis=0) for side in (reference, current)]
    distances = ((standard[0][:, None] - standard[1][None]) ** 2).sum(axis=2)
    bandwidth = np.median(
        np.sqrt(((standard[0][:, None] - standard[0][None]) ** 2).sum(axis=2)[np.triu_indices(300, 1)])
    )
    np.testing.assert_allclose(first @ second.T, np.exp(-distances / (2 * bandwidth**2)), atol=0.06)


def test_the_features_are_the_same_for_the_same_seed_only():
    rows = np.random.default_rng(0).normal(size=(50, 4))
    first, again, other = (joint_map(rows, rows, seed=seed)(rows)[:, :128] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_what_is_not_finite_counts_as_its_columns_mean():
    rows = np.array([[1.0, 5.0], [3.0, np.nan], [np.inf, 7.0], [5.0, 6.0]])
    features = joint_map(rows, rows, seed=0)
    filled = np.array([[1.0, 5.0], [3.0, 6.0], [3.0, 7.0], [5.0, 6.0]])
    np.testing.assert_allclose(features(rows), features(filled), atol=1e-6)
    assert np.isfinite(features(rows)).all()


def test_pairs_are_multiplied_in_tables_and_not_in_embeddings():
    rows = np.random.default_rng(0).normal(size=(40, 4))
    features = joint_map(rows, rows, num_features=8, seed=0)
    standard = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    np.testing.assert_allclose(features(rows)[:, 8], standard[:, 0] * standard[:, 1], atol=1e-5)
    assert features(rows).shape == (40, 8 + 6)
    wide = np.ones((40, 512))
    assert joint_map(wide, wide, num_features=8, seed=0)(wide).shape == (40, 8)


def test_the_squared_discrepancy_is_that_of_the_mean_features():
    reference, current = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]), np.array([[3.0, 4.0, 1.0], [0.0, 1.0, 3.0]])
    statistics = joint_statistics(reference, current, 2)
    assert statistics["maximum_mean_discrepancy"].tolist() == [25.0, 1.0]
    assert list(joint_statistics(reference, current, 3)) == ["maximum_mean_discrepancy"]


def test_numbers_become_normal_scores_and_frequent_categories_columns_of_their_own():
    number = binned_number("x", np.array([1.0, 2.0, 3.0, np.nan]), np.array([1.0, 2.0, 3.0]))
    category = binned_category("c", np.array([0, 0, 1, -1]), np.array([0, 1, 1]), ["a", "b"])
    reference, current = joint_columns([number, category])
    assert reference.shape == (4, 3)
    assert current.shape == (3, 3)
    np.testing.assert_allclose(reference[:, 0], [-0.9674216, 0.0, 0.9674216, np.nan], atol=1e-5)
    assert reference[:, 1:].tolist() == [[1, 0], [1, 0], [0, 1], [0, 0]]


def test_rare_categories_have_no_joint_column():
    codes = np.array([0] * 97 + [1, 2, 3])
    assert joint_columns([binned_category("c", codes, codes, list("abcd"))])[0].shape == (100, 1)


def test_sides_with_different_columns_are_refused():
    with pytest.raises(ValueError, match=r"with the same columns, got \(3, 2\) and \(3, 4\)"):
        joint_map(np.ones((3, 2)), np.ones((3, 4)), seed=0)
