"""The default policy must not change a label."""

import numpy as np

from components.feature_engineering.policies import standard_policy
from components.modeling.augmentation import Augmenter


def test_the_standard_policy_never_mirrors_or_upends_a_picture():
    corner = np.zeros((32, 32, 3), np.uint8)
    corner[2:12, 2:12] = 255
    augmenter = Augmenter(standard_policy())
    for seed in range(60):
        grey = augmenter(corner, seed=seed).mean(axis=2)
        quarters = {"top left": grey[:16, :16], "top right": grey[:16, 16:], "below": grey[16:]}
        assert max(quarters, key=lambda name: quarters[name].mean()) == "top left"
