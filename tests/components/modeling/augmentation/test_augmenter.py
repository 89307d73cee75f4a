"""Augmentation as data, the same for a seed."""

from concurrent.futures import ProcessPoolExecutor
import json
from multiprocessing import get_context
import pickle

import numpy as np
import pytest

from components.modeling.augmentation.augmenter import Augmenter
from components.modeling.augmentation.example_seeds import example_seed, example_seeds
from components.modeling.augmentation.named_policies import named_policy
from components.modeling.augmentation.quiet_albumentations import albumentations
from components.shared.runtime.errors import ContractError

HEAVY = named_policy("heavy")


def policy_of(*transforms):
    return json.loads(json.dumps(albumentations.to_dict(albumentations.Compose(list(transforms)))))


def augmented(policy, picture, seeds):
    augmenter = Augmenter(policy)
    return np.stack([augmenter(picture, seed=seed) for seed in seeds])


@pytest.mark.parametrize("name", ["light", "standard", "heavy"])
def test_a_seed_repeats_its_picture_whatever_came_between(stripes, name):
    picture = stripes(0, 0, 32)
    forwards = augmented(named_policy(name), picture, range(40))
    backwards = augmented(named_policy(name), picture, reversed(range(40)))
    np.testing.assert_array_equal(forwards, backwards[::-1])


def test_a_pickled_augmenter_gives_the_same_pictures(stripes):
    augmenter = Augmenter(HEAVY)
    augmenter(stripes(1, 1, 32), seed=5)
    again = pickle.loads(pickle.dumps(augmenter))
    for seed in range(20):
        np.testing.assert_array_equal(again(stripes(0, 0, 32), seed=seed), augmenter(stripes(0, 0, 32), seed=seed))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_gives_the_same_pictures(stripes):
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        forked = pool.submit(augmented, HEAVY, stripes(0, 0, 32), range(20)).result()
    np.testing.assert_array_equal(forked, augmented(HEAVY, stripes(0, 0, 32), range(20)))


def test_other_seeds_give_other_pictures(stripes):
    variants = {picture.tobytes() for picture in augmented(named_policy("standard"), stripes(0, 0, 32), range(10))}
    assert len(variants) > 5


def test_transforms_are_drawn_independently_of_one_another(stripes):
    policy = policy_of(albumentations.HorizontalFlip(p=0.5), albumentations.VerticalFlip(p=0.5))
    picture = stripes(0, 0, 24)
    pictures = [picture, picture[:, ::-1], picture[::-1], picture[::-1, ::-1]]
    found = [
        next(number for number, flipped in enumerate(pictures) if np.array_equal(flipped, result))
        for result in augmented(policy, picture, range(400))
    ]
    assert np.bincount(found, minlength=4).min() > 70


@pytest.mark.parametrize("size_px", [24, 96])
@pytest.mark.parametrize(
    "settings",
    [
        {
            "scale": (0.7, 1.3),
            "rotate": (-30, 30),
            "shear": (-10, 10),
            "translate_percent": (-0.2, 0.2),
            "border_mode": 1,
        },
        {
            "scale": (0.5, 2.0),
            "balanced_scale": True,
            "keep_ratio": True,
            "translate_px": (-5, 5),
            "fill": (9, 90, 200),
        },
        {"scale": {"x": (0.8, 1.2), "y": (1, 1)}, "border_mode": 4, "interpolation": 0, "fill": 100},
        {"rotate": (0, 0), "p": 1.0},
    ],
)
def test_the_quick_affine_equals_albumentations(stripes, settings, size_px):
    augmenter = Augmenter(policy_of(albumentations.Affine(**{"p": 0.9, **settings}), albumentations.GaussNoise(p=0.5)))
    picture = stripes(0, 0, size_px)
    for seed in range(30):
        expected, _ = augmenter.applied(picture, seed=seed)
        np.testing.assert_array_equal(augmenter(picture, seed=seed), expected)


def test_a_batch_is_augmented_in_place_with_a_seed_an_image(stripes):
    augmenter = Augmenter(HEAVY)
    pictures = np.stack([stripes(0, number, 32) for number in range(8)])
    seeds = example_seeds(seed=3, epoch=1, rows=np.arange(8))
    expected = np.stack([augmenter(picture, seed=int(seed)) for picture, seed in zip(pictures, seeds, strict=True)])
    assert augmenter.augment_batch(pictures, seeds) is pictures
    np.testing.assert_array_equal(pictures, expected)


def test_a_batch_needs_a_seed_an_image(stripes):
    with pytest.raises(ValueError, match="shorter"):
        Augmenter(HEAVY).augment_batch(np.stack([stripes(0, 0, 32)] * 2), [1])


def test_what_was_applied_is_named_and_is_what_changed_the_picture(stripes):
    policy = policy_of(
        albumentations.OneOf([albumentations.InvertImg(p=1), albumentations.Blur(blur_limit=(5, 5), p=1)], p=0.7)
    )
    augmenter, picture = Augmenter(policy), stripes(0, 0, 32)
    seen = set()
    for seed in range(40):
        result, names = augmenter.applied(picture, seed=seed)
        assert len(names) <= 1
        assert np.array_equal(result, picture) == (names == ())
        assert np.array_equal(result, 255 - picture) == (names == ("InvertImg",))
        seen.update(names)
    assert seen == {"InvertImg", "Blur"}


def test_the_given_picture_is_not_changed(stripes):
    picture = stripes(0, 0, 32)
    before = picture.copy()
    augmented(HEAVY, picture, range(20))
    np.testing.assert_array_equal(picture, before)


def test_a_policy_without_name_and_version_still_loads(stripes):
    named = named_policy("standard")
    unnamed = {key: value for key, value in named.items() if key not in ("name", "version")}
    np.testing.assert_array_equal(
        augmented(unnamed, stripes(0, 0, 32), range(5)), augmented(named, stripes(0, 0, 32), range(5))
    )


def test_a_whole_policy_is_applied_as_often_as_its_p_says(stripes):
    policy = policy_of(albumentations.InvertImg(p=1.0))
    policy["transform"]["p"] = 0.25
    changed = [
        not np.array_equal(result, stripes(0, 0, 24)) for result in augmented(policy, stripes(0, 0, 24), range(400))
    ]
    assert 70 < sum(changed) < 130


@pytest.mark.parametrize("policy", [{}, {"transform": {"__class_fullname__": "NoSuchTransform"}}])
def test_what_is_no_policy_is_refused(policy):
    with pytest.raises(ContractError, match="augmentation policy must be"):
        Augmenter(policy)


def test_a_policy_that_changes_the_size_is_refused(stripes):
    policy = policy_of(albumentations.Resize(8, 8))
    with pytest.raises(ContractError, match=r"\(32, 32, 3\), got uint8 \(8, 8, 3\)"):
        Augmenter(policy)(stripes(0, 0, 32), seed=0)


def test_a_seed_follows_from_run_epoch_and_row_alone():
    assert example_seed(seed=1, epoch=2, row=3) == example_seed(seed=1, epoch=2, row=3)
    seeds = {example_seed(seed=s, epoch=e, row=r) for s in range(3) for e in range(3) for r in range(3)}
    assert len(seeds) == 27
