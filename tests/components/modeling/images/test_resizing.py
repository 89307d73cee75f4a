"""Torch's resizing is Pillow's."""

import numpy as np
from PIL import Image
import pytest
import torch

from components.modeling.images.resizing import pillow_resized_pixels, resized_pixels


def noise(height, width):
    smooth = np.random.default_rng((height, width)).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(smooth).resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("shape", [(96, 64), (333, 500), (61, 60), (20, 17), (48, 48), (1, 90)])
@pytest.mark.parametrize("side_px", [48, 33])
def test_a_squashed_picture_is_pillows_within_a_grey_level(shape, side_px):
    pixels = noise(*shape)
    expected = Image.fromarray(pixels).resize((side_px, side_px), Image.Resampling.BILINEAR)
    squashed = resized_pixels(pixels, side_px=side_px, resize="squash")
    assert (squashed.shape, squashed.dtype) == ((side_px, side_px, 3), np.uint8)
    assert np.abs(squashed.astype(int) - np.asarray(expected)).max() <= 1


@pytest.mark.parametrize("shape", [(97, 64), (333, 500), (48, 80)])
def test_a_cropped_picture_is_the_middle_squashed(shape):
    pixels = noise(*shape)
    side = min(shape)
    top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
    middle = pixels[top : top + side, left : left + side]
    np.testing.assert_array_equal(
        resized_pixels(pixels, side_px=48, resize="crop"), resized_pixels(middle, side_px=48, resize="squash")
    )


@pytest.mark.parametrize("shape", [(96, 64), (334, 500)])
def test_both_crop_the_same_middle_where_it_begins_at_a_whole_pixel(shape):
    ours, pillows = (
        resized(noise(*shape), side_px=33, resize="crop").astype(int)
        for resized in (resized_pixels, pillow_resized_pixels)
    )
    # At the edge Pillow looks beyond the middle square.
    assert np.abs(ours - pillows)[1:-1, 1:-1].max() <= 1


def test_pixels_that_must_not_be_written_are_resized_too():
    pixels = noise(60, 80)
    locked = pixels.copy()
    locked.flags.writeable = False
    expected = resized_pixels(pixels, side_px=32, resize="squash")
    np.testing.assert_array_equal(resized_pixels(locked, side_px=32, resize="squash"), expected)


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_resizing_gives_no_work_to_further_threads(resize):
    # They would wait for one another wherever several pictures are resized at once.
    pixels, before = noise(400, 600), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with torch.profiler.profile() as profile:
            resized_pixels(pixels, side_px=160, resize=resize)
    finally:
        torch.set_num_threads(before)
    names = {event.name for event in profile.events()}
    assert "aten::_upsample_bilinear2d_aa" in names
    assert not names & {"aten::copy_", "aten::clone", "aten::contiguous"}


@pytest.mark.parametrize("resized", [resized_pixels, pillow_resized_pixels])
def test_an_unknown_way_is_refused(resized):
    with pytest.raises(ValueError, match=r"resize must be one of \('squash', 'crop'\), got 'pad'"):
        resized(noise(4, 4), side_px=2, resize="pad")
