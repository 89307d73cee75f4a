"""The same numbers from numpy, torch on the CPU and torch on a GPU."""

import numpy as np
import pytest
import torch

from components.modeling.images.channel_statistics import ChannelCounts, ChannelStatistics
from components.modeling.images.normalization import normalize, normalize_unit_pixels, unit_pixels
from components.shared.runtime.errors import ContractError

STATISTICS = ChannelStatistics(mean=(124.0, 116.5, 103.9), std=(58.4, 0.0, 57.4))
EVERY = ["min_max", "standard", STATISTICS]


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 16, 12, 3), dtype=np.uint8)


def channel_statistics(images):
    counts = ChannelCounts()
    for image in images:
        counts.add(image)
    return counts.statistics()


def reference(images_BHWC: np.ndarray, how) -> np.ndarray:
    if how == "min_max":
        scaled = images_BHWC.astype(np.float32) / np.float32(255)
    elif how == "standard":
        scaled = (images_BHWC.astype(np.float32) - np.float32(127.5)) / np.float32(127.5)
    else:
        mean, std = (np.array(values, np.float32) for values in (how.mean, how.std))
        scaled = (images_BHWC.astype(np.float32) - mean) / np.maximum(std, np.float32(1))
    return scaled.transpose(0, 3, 1, 2)


@pytest.mark.parametrize("how", EVERY)
def test_torch_normalises_as_numpy_does(images, how):
    expected = reference(images, how)
    found = normalize(torch.from_numpy(images), how)
    assert found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("how", EVERY)
def test_pixels_that_were_floats_in_between_come_out_the_same(images, how):
    given = torch.from_numpy(images)
    direct = normalize(given, how)
    through = normalize_unit_pixels(unit_pixels(given), how)
    torch.testing.assert_close(through, direct, rtol=0, atol=1e-6 * float(direct.abs().max()))


@pytest.mark.gpu
@pytest.mark.parametrize("how", EVERY)
def test_a_gpu_normalises_as_numpy_does(images, how):
    expected = reference(images, how)
    found = normalize(torch.from_numpy(images).cuda(), how).cpu().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_the_training_images_have_mean_0_and_deviation_1_by_their_own_statistics(images):
    normalized = normalize(torch.from_numpy(images), channel_statistics([images])).double()
    assert normalized.mean(dim=(0, 2, 3)).abs().max() < 1e-6
    assert (normalized.std(dim=(0, 2, 3), correction=0) - 1).abs().max() < 1e-6


def test_statistics_are_numpys(images):
    found = channel_statistics(images)
    pixels = images.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(found.mean, pixels.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.std, pixels.std(axis=0), rtol=1e-13)


def test_neither_order_nor_batches_change_a_digit_of_the_statistics(images):
    assert channel_statistics([images]) == channel_statistics(images[::-1])
    assert channel_statistics([images[:1], images[1:]]) == channel_statistics([images[3:], images[:3]])


def test_a_channel_that_is_always_the_same_becomes_0():
    grey = np.full((2, 4, 4, 3), 77, np.uint8)
    statistics = channel_statistics([grey])
    assert statistics == ChannelStatistics(mean=(77.0, 77.0, 77.0), std=(0.0, 0.0, 0.0))
    assert (normalize(torch.from_numpy(grey), statistics) == 0).all()


def test_statistics_need_pixels_of_one_kind():
    with pytest.raises(ValueError, match="at least one pixel of a training image, got none"):
        channel_statistics([])
    with pytest.raises(TypeError, match="images must be uint8, got float64"):
        channel_statistics([np.zeros((2, 2, 3))])
    with pytest.raises(ValueError, match="images must all have 3 channels, got 1"):
        channel_statistics([np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 1), np.uint8)])


@pytest.mark.parametrize(
    ("mean", "std", "sentence"),
    [
        ((1.0,), (1.0, 2.0), "mean and std must have one number a channel"),
        ((1.0,), (-1.0,), r"std must hold grey levels, 0 to 255, got \[-1.0\]"),
        ((float("nan"),), (1.0,), "mean must hold grey levels"),
    ],
)
def test_statistics_that_cannot_be_are_refused(mean, std, sentence):
    with pytest.raises(ContractError, match=sentence):
        ChannelStatistics(mean=mean, std=std)


def test_channel_without_its_statistics_is_refused(images):
    with pytest.raises(ValueError, match="got 'channel': pass the statistics of the training images"):
        normalize(torch.from_numpy(images), "channel")
    with pytest.raises(ValueError, match="images must have 3 channels as the statistics do, got 1"):
        normalize(torch.from_numpy(images[..., :1].copy()), STATISTICS)
