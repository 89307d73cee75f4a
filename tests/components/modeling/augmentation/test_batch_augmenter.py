"""The part of a policy that runs in batches: albumentations' pixels for fixed parameters, its distributions else."""

import logging

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from components.modeling.augmentation.augmenter import Augmenter
from components.modeling.augmentation.batch_augmenter import DeviceAugmenter, split_policy
from components.modeling.augmentation.example_seeds import example_seeds
from components.modeling.augmentation.named_policies import named_policy, read_policy
from components.shared.runtime.errors import ContractError

SIDE_PX = 48


@pytest.fixture(scope="module")
def photo():
    """A part of a real photo, shape (48, 48, 3), uint8."""
    datasets = pytest.importorskip("sklearn.datasets")
    return np.ascontiguousarray(datasets.load_sample_image("china.jpg")[100:388:6, 100:388:6])


def device_augmented(transforms, images_BHWC, seeds):
    split = split_policy(read_policy(transforms, image_size=SIDE_PX))
    assert split.cpu_policy is None
    return DeviceAugmenter(split.device_transforms)(torch.from_numpy(images_BHWC), seeds).numpy()


def both(transforms, photo, num_images):
    """What the device path and albumentations make of one photo, shape (N, H, W, 3) each, float."""
    images = np.repeat(photo[None], num_images, axis=0)
    seeds = example_seeds(seed=0, epoch=0, rows=np.arange(num_images))
    policy = read_policy(transforms, image_size=SIDE_PX)
    on_device = device_augmented(transforms, images, seeds)
    return on_device.astype(float), Augmenter(policy).augment_batch(images, seeds).astype(float)


STILL = {"brightness": [1, 1], "contrast": [1, 1], "saturation": [1, 1], "hue": [0, 0]}


@pytest.mark.parametrize(
    ("transform", "tolerance"),
    [
        ({"HorizontalFlip": {"p": 1}}, 0),
        ({"VerticalFlip": {"p": 1}}, 0),
        ({"RandomBrightnessContrast": {"brightness_limit": [0.2, 0.2], "contrast_limit": [0.3, 0.3], "p": 1}}, 1),
        (
            {
                "RandomBrightnessContrast": {
                    "brightness_limit": [-0.3, -0.3],
                    "contrast_limit": [0, 0],
                    "brightness_by_max": False,
                    "p": 1,
                }
            },
            1,
        ),
        ({"RandomBrightnessContrast": {"brightness_limit": [-0.3, -0.3], "contrast_limit": [-0.2, -0.2], "p": 1}}, 1),
        ({"ToGray": {"p": 1}}, 1),
        ({"ColorJitter": {**STILL, "brightness": [1.4, 1.4], "p": 1}}, 1),
        ({"ColorJitter": {**STILL, "contrast": [0.6, 0.6], "p": 1}}, 1),
        ({"ColorJitter": {**STILL, "saturation": [1.5, 1.5], "p": 1}}, 1),
        ({"ColorJitter": {**STILL, "p": 1}}, 0),
        ({"CropAndPad": {"percent": [-0.15, -0.15], "p": 1}}, 1),
        *(
            ({"Affine": {"scale": 0.8, "rotate": 20, "shear": 5, "border_mode": border, "fill": 90, "p": 1}}, 2)
            for border in (0, 1, 2, 4)
        ),
        ({"Affine": {"translate_px": {"x": 3, "y": -5}, "p": 1}}, 0),
        ({"Affine": {"translate_percent": {"x": 0.1, "y": -0.2}, "scale": 1.5, "border_mode": 1, "p": 1}}, 2),
    ],
)
def test_fixed_parameters_give_albumentations_pixels(photo, transform, tolerance):
    on_device, on_cpu = both([transform], photo, 3)
    assert np.abs(on_device - on_cpu).max() <= tolerance


def test_hue_turns_as_in_opencv_but_for_its_rounding(photo):
    on_device, on_cpu = both([{"ColorJitter": {**STILL, "hue": [0.2, 0.2], "p": 1}}], photo, 1)
    assert np.abs(on_device - on_cpu).mean() < 1.5
    assert np.abs(on_device - on_cpu).max() <= 16


@pytest.mark.parametrize(
    "transform",
    [
        {"Affine": {"scale": [0.85, 1.2], "rotate": [-20, 20], "shear": [-8, 8], "border_mode": 1, "p": 0.7}},
        {"Affine": {"translate_percent": [-0.2, 0.2], "keep_ratio": True, "scale": [0.5, 1.0], "p": 1}},
        {"Affine": {"translate_px": [-9, 9], "p": 1}},
        {"CropAndPad": {"percent": [-0.25, 0.0], "p": 0.8}},
        {"CropAndPad": {"percent": [-0.25, 0.0], "sample_independently": False, "p": 1}},
        {"RandomResizedCrop": {"size": [SIDE_PX, SIDE_PX], "scale": [0.2, 1.0], "p": 1}},
        {"RandomBrightnessContrast": {"brightness_limit": 0.3, "contrast_limit": 0.3, "p": 0.5}},
        {"ColorJitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.2, "p": 0.8}},
        {"HorizontalFlip": {"p": 0.5}},
        {"ToGray": {"p": 0.3}},
    ],
)
def test_drawn_parameters_have_albumentations_distribution(photo, transform):
    # Whether a picture turns dark or grey at all spreads its brightness more than where it is moved to.
    moves = next(iter(transform)) in ("Affine", "CropAndPad", "RandomResizedCrop")
    on_device, on_cpu = both([transform], photo, 1000 if moves else 1500)
    # The pictures' mean, the spread of every pixel, and the spread of pictures' brightness.
    assert np.abs(on_device.mean(axis=0) - on_cpu.mean(axis=0)).mean() < 4
    np.testing.assert_allclose(on_device.std(axis=0).mean(), on_cpu.std(axis=0).mean(), rtol=0.06, atol=0.1)
    spreads = [pictures.mean(axis=(1, 2, 3)).std() for pictures in (on_device, on_cpu)]
    np.testing.assert_allclose(*spreads, rtol=0.12, atol=0.1)
    changed = [(np.abs(pictures - photo).max(axis=(1, 2, 3)) > 0).mean() for pictures in (on_device, on_cpu)]
    np.testing.assert_allclose(*changed, atol=0.09)


class WatchedCopies(TorchDispatchMode):
    """Counts copies from the CPU to another device."""

    def __init__(self):
        super().__init__()
        self.num_copies = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        is_from_cpu = any(isinstance(value, torch.Tensor) and value.device.type == "cpu" for value in args)
        is_elsewhere = isinstance(result, torch.Tensor) and result.device.type != "cpu"
        self.num_copies += is_from_cpu and is_elsewhere
        return result


EVERYTHING = [
    {"HorizontalFlip": {"p": 0.5}},
    {"Affine": {"rotate": [-20, 20], "border_mode": 0, "fill": [10, 20, 30], "p": 0.7}},
    {"Affine": {"rotate": [-20, 20], "border_mode": 4, "p": 0.7}},
    {"CropAndPad": {"percent": [-0.25, 0.0], "p": 0.8}},
    {"RandomResizedCrop": {"size": [SIDE_PX, SIDE_PX], "p": 0.5}},
    {"RandomBrightnessContrast": {"brightness_by_max": False, "p": 0.5}},
    {"ColorJitter": {"p": 0.8}},
    {"ToGray": {"p": 0.3}},
]


def test_a_batch_needs_one_copy_to_its_device_and_never_waits_for_it():
    split = split_policy(read_policy(EVERYTHING, image_size=SIDE_PX))
    assert len(split.device_transforms) == len(EVERYTHING)
    # Tensors on `meta` have no values: whatever waited for one would fail.
    images = torch.zeros(32, SIDE_PX, SIDE_PX, 3, dtype=torch.uint8, device="meta")
    with WatchedCopies() as watched:
        augmented = DeviceAugmenter(split.device_transforms)(images, np.arange(32))
    assert (augmented.device.type, augmented.shape, augmented.dtype) == ("meta", images.shape, torch.uint8)
    assert watched.num_copies == 1


@pytest.mark.parametrize("name", ["standard", "heavy"])
def test_a_picture_does_not_depend_on_its_batch(stripes, name):
    augmenter = DeviceAugmenter(split_policy(named_policy(name)).device_transforms)
    images = torch.from_numpy(np.stack([stripes(0, number, SIDE_PX) for number in range(24)]))
    before, seeds = images.clone(), np.arange(24)
    together = augmenter(images, seeds)
    alone = torch.cat([augmenter(images[number : number + 1], seeds[number : number + 1]) for number in range(24)])
    assert torch.equal(together, alone)
    assert torch.equal(images, before)
    assert (together != images).flatten(1).any(dim=1).sum() > 15


def test_the_standard_policy_runs_on_the_device_as_a_whole(caplog):
    with caplog.at_level(logging.INFO):
        split = split_policy(named_policy("standard"))
    assert (split.cpu_policy, len(split.device_transforms), split.cpu_names) == (None, 2, ())
    assert "on the device: Affine, RandomBrightnessContrast; on the CPU with albumentations: nothing" in caplog.text


def test_what_the_device_cannot_do_stays_on_the_cpu_and_is_said(caplog):
    with caplog.at_level(logging.INFO):
        split = split_policy(named_policy("heavy"))
    assert split.cpu_names == ("OneOf", "CoarseDropout")
    assert "on the CPU with albumentations: OneOf, CoarseDropout" in caplog.text
    kept = [node["__class_fullname__"] for node in split.cpu_policy["transform"]["transforms"]]
    moved = [node["__class_fullname__"] for node in split.device_transforms]
    whole = [node["__class_fullname__"] for node in named_policy("heavy")["transform"]["transforms"]]
    assert kept + moved == whole
    assert Augmenter(split.cpu_policy)(np.zeros((32, 32, 3), np.uint8), seed=0).shape == (32, 32, 3)


@pytest.mark.parametrize(
    "transforms",
    [
        ["HorizontalFlip", "GaussNoise"],
        [{"OneOf": {"transforms": ["HorizontalFlip"]}}],
        [{"Affine": {"border_mode": 3}}],
        [{"Affine": {"interpolation": 2}}],
        [{"Affine": {"balanced_scale": True}}],
        [{"CropAndPad": {"percent": [0.0, 0.2]}}],
        [{"CropAndPad": {"px": [-3, -1]}}],
        [{"RandomBrightnessContrast": {"ensure_safe_range": True}}],
        [{"ToGray": {"method": "max"}}],
    ],
)
def test_an_end_that_the_device_cannot_do_keeps_everything_on_the_cpu(transforms):
    policy = read_policy(transforms)
    split = split_policy(policy)
    assert split.device_transforms == ()
    assert split.cpu_policy == policy


def test_a_policy_that_is_not_always_applied_stays_on_the_cpu():
    policy = read_policy({"transforms": ["HorizontalFlip"], "p": 0.5})
    assert split_policy(policy).cpu_policy == policy


def test_what_the_device_cannot_do_is_never_dropped():
    with pytest.raises(ContractError, match="must support GaussNoise, but does not"):
        DeviceAugmenter(read_policy(["GaussNoise"])["transform"]["transforms"])


def test_a_crop_for_another_size_is_refused():
    transforms = read_policy([{"RandomResizedCrop": {"size": [24, 24]}}], image_size=24)["transform"]["transforms"]
    with pytest.raises(ContractError, match=r"RandomResizedCrop\.size must be the images' size, 32 x 32"):
        DeviceAugmenter(transforms)(torch.zeros(1, 32, 32, 3, dtype=torch.uint8), np.arange(1))


def test_images_of_another_type_or_number_are_refused():
    augmenter = DeviceAugmenter(split_policy(named_policy("standard")).device_transforms)
    with pytest.raises(TypeError, match=r"uint8, got torch\.float32"):
        augmenter(torch.zeros(1, 8, 8, 3), np.arange(1))
    with pytest.raises(ValueError, match=r"2 seeds, got \(1, 8, 8, 3\)"):
        augmenter(torch.zeros(1, 8, 8, 3, dtype=torch.uint8), np.arange(2))


def test_the_aspect_of_a_crop_that_never_fits_is_as_near_as_can_be():
    stripes = np.tile(np.arange(SIDE_PX, dtype=np.uint8)[:, None, None], (1, SIDE_PX, 3))
    settings = {"size": [SIDE_PX, SIDE_PX], "scale": [1.0, 1.0], "ratio": [2.0, 2.0], "p": 1}
    on_device, on_cpu = both([{"RandomResizedCrop": settings}], stripes, 2)
    assert np.abs(on_device - on_cpu).max() <= 1


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["light", "standard", "heavy"])
def test_cuda_gives_the_pictures_of_the_cpu(stripes, name):
    augmenter = DeviceAugmenter(split_policy(named_policy(name)).device_transforms)
    images = torch.from_numpy(np.stack([stripes(0, number, SIDE_PX) for number in range(64)]))
    on_cpu = augmenter(images, np.arange(64)).int()
    on_gpu = augmenter(images.cuda(), np.arange(64))
    assert on_gpu.is_cuda
    differences = (on_gpu.cpu().int() - on_cpu).abs()
    # A value that lies between two grey levels may be rounded to either, and hue steps widen that.
    assert differences.float().mean() < 0.05
    assert (differences > 8).float().mean() < 0.001
