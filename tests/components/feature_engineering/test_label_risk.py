"""Transforms that change labels are found by what they do to images, and harmless ones are left in peace."""

import math

import numpy as np
import pytest
from sklearn.datasets import load_digits

from components.feature_engineering.label_risk import label_risks
from components.modeling.augmentation.named_policies import named_policy, read_policy

DIGITS = [str(digit) for digit in range(10)]


@pytest.fixture(scope="module")
def digits():
    """1,797 handwritten digits, enlarged: images of the shape (N, 32, 32, 3), uint8, and labels."""
    data = load_digits()
    images = (data.images * 15.9).astype(np.uint8).repeat(4, axis=1).repeat(4, axis=2)
    return np.repeat(images[..., None], 3, axis=3), data.target


def risks_of(examples, policy, class_names=DIGITS):
    images, labels = examples
    return label_risks(lambda rows: images[rows], labels, policy, class_names=class_names)


@pytest.mark.parametrize("flip", ["HorizontalFlip", "VerticalFlip"])
def test_flips_are_risky_on_digits(digits, flip):
    found = risks_of(digits, read_policy([{flip: {"p": 0.1}}, "RandomGamma"]))
    assert [(risk.transform, risk.is_risky) for risk in found.risks] == [(flip, True), ("RandomGamma", False)]
    [warning] = found.warnings
    assert warning.startswith(f"{flip}: ")
    assert "are taken for another class afterwards" in warning
    risk = found.risks[0]
    assert f"{risk.taken} for {risk.mistaken_for} most often" in warning
    assert risk.taken != risk.mistaken_for
    assert {risk.taken, risk.mistaken_for} <= set(DIGITS)


@pytest.mark.parametrize("name", ["light", "standard"])
def test_the_gentle_policies_are_not_risky_on_digits(digits, name):
    found = risks_of(digits, named_policy(name))
    assert found.is_judged
    assert found.accuracy > 0.9
    assert found.warnings == ()


def test_a_negative_resembles_nothing_and_is_not_held_against_the_transform(digits):
    assert risks_of(digits, read_policy(["InvertImg"])).warnings == ()


def test_the_confusion_is_named(stripes):
    labels = np.arange(200) % 2
    images = np.stack([stripes(label, seed) for seed, label in enumerate(labels.tolist())])
    policy = read_policy(["Transpose", "HorizontalFlip"])
    transpose, flip = risks_of((images, labels), policy, ["across", "down"]).risks
    assert transpose.share == 1.0
    assert {transpose.taken, transpose.mistaken_for} == {"across", "down"}
    assert (flip.share, flip.taken) == (0.0, "")


def test_noise_is_not_judged():
    generator = np.random.default_rng(0)
    images, labels = generator.integers(0, 256, (400, 24, 24, 3), dtype=np.uint8), generator.integers(0, 3, 400)
    found = risks_of((images, labels), named_policy("heavy"), ["a", "b", "c"])
    assert not found.is_judged
    assert found.warnings == ()
    assert found.accuracy < 0.5


@pytest.mark.parametrize("num_examples", [0, 59])
def test_a_few_images_are_not_judged(digits, num_examples):
    images, labels = digits
    found = risks_of((images[:num_examples], labels[:num_examples]), named_policy("standard"))
    assert math.isnan(found.accuracy)
    assert not found.is_judged


def test_one_class_is_not_judged(digits):
    images, labels = digits
    assert not risks_of((images, np.zeros_like(labels)), named_policy("standard")).is_judged


def test_many_classes_of_three_images_each_are_not_judged_where_no_three_neighbours_agree():
    generator = np.random.default_rng(1)
    labels = np.repeat(np.arange(60), 3)
    images = np.zeros((len(labels), 32, 32, 3), np.uint8)
    for row, label in enumerate(labels):
        y, x = divmod(int(label), 8)
        images[row, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4] = 255 - generator.integers(0, 60)
        images[row, generator.integers(0, 32), generator.integers(0, 32)] = generator.integers(0, 200)
    found = label_risks(
        lambda rows: images[rows], labels, named_policy("light"), class_names=[str(label) for label in range(60)]
    )
    assert found.accuracy > 0.5
    assert not found.is_judged
