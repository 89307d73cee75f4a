import numpy as np

from components.drift.binned import binned_category, binned_number
from components.drift.blocks import exchangeable_blocks
from components.drift.resampling import permuted_labels, resampled_counts, resampled_sums


def test_every_permutation_keeps_the_number_of_blocks_of_each_side():
    labels = permuted_labels(30, 50, num_permutations=200, rng=np.random.default_rng(0))
    assert labels.shape == (200, 80)
    assert set(labels.sum(axis=1)) == {30.0}
    assert len(np.unique(labels, axis=0)) == 200
    np.testing.assert_allclose(labels.mean(axis=0), 30 / 80, atol=0.15)


def test_both_pseudo_sides_add_up_to_all_blocks():
    labels = np.array([[1, 0, 1], [0, 1, 1]], dtype=np.float32)
    sums = np.array([[1, 10], [2, 20], [4, 40]], dtype=np.float32)
    reference, current = resampled_sums(labels, sums, (np.array([5.0, 50.0]), np.array([2.0, 20.0])))
    assert reference.tolist() == [[5, 50], [5, 50], [6, 60]]
    assert current.tolist() == [[2, 20], [2, 20], [1, 10]]


def test_features_too_many_for_one_product_are_counted_as_in_one(monkeypatch):
    rng = np.random.default_rng(1)
    features = [binned_number(f"x{i}", rng.normal(size=60), rng.normal(size=40)) for i in range(5)]
    features.append(binned_category("c", rng.integers(-1, 3, 60), rng.integers(-1, 3, 40), ["a", "b", "c"]))
    blocks = exchangeable_blocks(60, 40, rng=rng)
    labels = permuted_labels(60, 40, num_permutations=20, rng=rng)
    at_once = list(resampled_counts(features, blocks, labels))
    monkeypatch.setattr("components.drift.resampling._CELLS_AT_ONCE", 7000)
    in_parts = list(resampled_counts(features, blocks, labels))
    assert [feature.name for feature, _, _ in in_parts] == [feature.name for feature in features]
    for (_, *whole), (feature, *part) in zip(at_once, in_parts, strict=True):
        np.testing.assert_array_equal(whole, part)
        np.testing.assert_array_equal(part[0][0], np.bincount(feature.reference, minlength=feature.num_bins + 1))
        assert set(part[0].sum(axis=1)) == {60.0}
