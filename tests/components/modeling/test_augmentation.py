"""Augmentation as data, the same for a seed."""

import albumentations
import numpy as np
import pytest

from components.feature_engineering.policies import standard_policy
from components.modeling.augmentation import Augmenter, example_seed
from components.shared.errors import ContractError


def test_a_seed_repeats_its_picture_whatever_came_between(stripes):
    augmenter = Augmenter(standard_policy())
    picture = stripes(0, 0, 32)
    first = augmenter(picture, seed=7)
    augmenter(picture, seed=8)
    np.testing.assert_array_equal(augmenter(picture, seed=7), first)
    np.testing.assert_array_equal(Augmenter(standard_policy())(picture, seed=7), first)


def test_other_seeds_give_other_pictures(stripes):
    augmenter = Augmenter(standard_policy())
    variants = {augmenter(stripes(0, 0, 32), seed=seed).tobytes() for seed in range(10)}
    assert len(variants) > 5


def test_the_given_picture_is_not_changed(stripes):
    picture = stripes(0, 0, 32)
    before = picture.copy()
    Augmenter(standard_policy())(picture, seed=1)
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("policy", [{}, {"transform": {"__class_fullname__": "NoSuchTransform"}}])
def test_what_is_no_policy_is_refused(policy):
    with pytest.raises(ContractError, match="augmentation policy must be"):
        Augmenter(policy)


def test_a_policy_that_changes_the_size_is_refused(stripes):
    policy = albumentations.to_dict(albumentations.Compose([albumentations.Resize(8, 8)]))
    with pytest.raises(ContractError, match=r"\(32, 32, 3\), got uint8 \(8, 8, 3\)"):
        Augmenter(policy)(stripes(0, 0, 32), seed=0)


def test_a_seed_follows_from_run_epoch_and_row_alone():
    assert example_seed(seed=1, epoch=2, row=3) == example_seed(seed=1, epoch=2, row=3)
    seeds = {example_seed(seed=s, epoch=e, row=r) for s in range(3) for e in range(3) for r in range(3)}
    assert len(seeds) == 27
