"""The filter without torch against torch's own."""

import numpy as np
import pytest
import torch

from components.modeling.images.exact_resizing import exactly_resized

SIZES = [(336, 448, 224), (31, 500, 32), (320, 33, 32), (5, 3, 224), (224, 300, 224), (700, 9, 8), (5000, 40, 32)]


@pytest.mark.parametrize(("height", "width", "side"), SIZES)
@pytest.mark.parametrize("kind", ["noise", "black and white"])
def test_every_pixel_is_the_one_of_torch(height, width, side, kind):
    pixels_HWC = np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(np.uint8)
    if kind == "black and white":  # the largest sums, and the most ties
        pixels_HWC = np.where(pixels_HWC > 127, 255, 0).astype(np.uint8)

    found = exactly_resized(pixels_HWC, side)

    images_BCHW = torch.from_numpy(pixels_HWC)[None].permute(0, 3, 1, 2)
    wanted = torch.nn.functional.interpolate(images_BCHW, size=(side, side), mode="bilinear", antialias=True)
    np.testing.assert_array_equal(found, wanted[0].permute(1, 2, 0).numpy())
