"""From pixels to what a model eats."""

import io
import json

import numpy as np
from PIL import Image
import pyarrow as pa
import pytest
import torch

from components.modeling.fourier.filters import filter_frequencies
from components.modeling.fourier.settings import FourierSettings
from components.modeling.fourier.spectra import log_ring_power
from components.modeling.images.decoding import decode_image, encode_png
from components.modeling.images.features import (
    image_features_from,
    ImageFeatures,
    prepare_image,
)
from components.modeling.images.normalization import normalize
from components.modeling.images.resizing import pillow_resized_pixels, resized_pixels
from components.shared.runtime.errors import ContractError

CHANNEL = {
    "image_size": 32,
    "normalization": "channel",
    "channel_mean": [124.0, 116.5, 103.9],
    "channel_std": [58.4, 57.1, 57.4],
}
BAND = {"filter": "band_pass", "low": 0.1, "high": 0.6, "spectrum_bins": 8}


def encode_jpeg(pixels_HWC):
    buffer = io.BytesIO()
    Image.fromarray(pixels_HWC).save(buffer, format="JPEG", quality=95)
    return buffer.getvalue()


@pytest.mark.parametrize(("mode", "black", "white"), [("min_max", 0.0, 1.0), ("standard", -1.0, 1.0)])
def test_black_and_white_become_the_ends_of_the_range(mode, black, white):
    images = torch.tensor([0, 255], dtype=torch.uint8).reshape(1, 1, 2, 1).expand(1, 1, 2, 3)
    normalized = normalize(images, mode)
    assert normalized.shape == (1, 3, 1, 2)
    assert normalized.dtype == torch.float32
    assert normalized[0, 0, 0].tolist() == pytest.approx([black, white])


def test_normalising_does_not_look_at_the_images_own_range():
    grey = torch.full((1, 2, 2, 3), 51, dtype=torch.uint8)
    assert normalize(grey, "min_max").unique().tolist() == pytest.approx([0.2])


@pytest.mark.gpu
@pytest.mark.parametrize("mode", ["min_max", "standard"])
def test_cpu_and_gpu_normalise_alike(mode):
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8))
    torch.testing.assert_close(normalize(images.cuda(), mode).cpu(), normalize(images, mode), rtol=0, atol=1e-6)


def test_floats_are_refused():
    with pytest.raises(TypeError, match="must be uint8"):
        normalize(torch.zeros(1, 2, 2, 3), "standard")


def test_a_single_image_is_refused():
    with pytest.raises(ValueError, match=r"\(B, H, W, C\)"):
        normalize(torch.zeros(2, 2, 3, dtype=torch.uint8), "standard")


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(ValueError, match="normalization must be one of"):
        normalize(torch.zeros(1, 2, 2, 3, dtype=torch.uint8), "zscore")


def test_an_image_of_the_right_size_is_left_alone():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    prepared = prepare_image(encode_png(pixels), ImageFeatures(image_size=16))
    np.testing.assert_array_equal(prepared, pixels)


@pytest.mark.parametrize("decoding", ["full", "scaled"])
def test_squash_keeps_both_ends_and_crop_loses_them(decoding):
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, :16] = 255
    squashed, cropped = (
        prepare_image(encode_png(wide), ImageFeatures(image_size=16, resize=resize, decoding=decoding))
        for resize in ("squash", "crop")
    )
    assert squashed[8, 0, 0] == 255
    assert cropped.max() == 0
    assert squashed.shape == cropped.shape == (16, 16, 3)


@pytest.mark.parametrize("decoding", ["full", "scaled"])
@pytest.mark.parametrize("encode", [encode_png, encode_jpeg])
def test_shrinking_averages_instead_of_skipping_pixels(encode, decoding):
    checkers = np.indices((64, 64)).sum(axis=0) % 2 * 255
    data = encode(np.repeat(checkers[..., None], 3, axis=2).astype(np.uint8))
    shrunk = prepare_image(data, ImageFeatures(image_size=16, decoding=decoding))
    assert abs(int(shrunk[8, 8, 0]) - 127) < 16


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_settings_that_say_nothing_of_decoding_keep_the_pixels_that_they_had(photos, resize):
    data = encode_jpeg(pixels(photos, 96)[0].numpy())
    features = image_features_from({"image_size": 32, "resize": resize, "normalization": "standard"})
    box = Image.open(io.BytesIO(data)).resize((32, 32), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(prepare_image(data, features), np.asarray(box))


@pytest.mark.parametrize(("side_px", "decoded_px"), [(24, 24), (32, 48), (48, 48), (49, 96), (96, 96)])
def test_scaled_decoding_stays_no_smaller_than_the_square(photos, side_px, decoded_px):
    data = encode_jpeg(pixels(photos, 96)[0].numpy())
    decoded = decode_image(data, min_side_px=side_px).pixels_HWC
    assert decoded.shape == (decoded_px, decoded_px, 3)
    prepared = prepare_image(data, ImageFeatures(image_size=side_px, decoding="scaled"))
    np.testing.assert_array_equal(prepared, resized_pixels(decoded, side_px=side_px, resize="squash"))


def test_scaled_decoding_shows_the_same_picture(photos):
    data = encode_jpeg(pixels(photos, 96)[0].numpy())
    full, scaled = (
        prepare_image(data, ImageFeatures(image_size=32, decoding=decoding)).astype(int)
        for decoding in ("full", "scaled")
    )
    assert 0 < np.abs(full - scaled).mean() < 4
    assert full.std() > 20


@pytest.mark.parametrize("size", [20, 90])
def test_files_other_than_jpeg_are_prepared_alike_within_a_grey_level(photos, size):
    whole = pixels(photos, size)[0].numpy()
    scaled = prepare_image(encode_png(whole), ImageFeatures(image_size=32, decoding="scaled"))
    assert np.abs(scaled.astype(int) - pillow_resized_pixels(whole, side_px=32, resize="squash")).max() <= 1


@pytest.mark.parametrize("decoding", ["full", "scaled"])
def test_many_files_are_prepared_as_each_alone(photos, decoding):
    files = [encode(image) for image in pixels(photos, 90).numpy() for encode in (encode_jpeg, encode_png)]
    features = ImageFeatures(image_size=32, resize="crop", decoding=decoding)
    prepared = features.prepare({"image": pa.array(files)})["image"]
    assert (prepared.shape, prepared.dtype) == ((4, 32, 32, 3), np.uint8)
    np.testing.assert_array_equal(prepared, np.stack([prepare_image(data, features) for data in files]))


def test_no_files_are_prepared_to_no_images():
    prepared = ImageFeatures(image_size=32).prepare({"image": pa.array([], pa.binary())})["image"]
    assert prepared.shape == (0, 32, 32, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"image_size": 4}, "image_size must be 8"),
        ({"image_size": "large"}, "image_size must be 8"),
        ({"image_size": 32, "resize": "stretch"}, "resize must be one of"),
        ({"image_size": 32, "normalization": "none"}, "normalization must be one of"),
        ({"image_size": 32, "rotate": 90}, "preprocessing must have"),
        ({"image_size": 32, "decoding": "half"}, "decoding must be one of"),
        ({"image_size": 32, "normalization": "channel"}, "channel_mean must have 3 numbers, .* got None"),
        (
            {"image_size": 32, "channel_mean": [1, 2, 3]},
            "channel_mean must be left out where normalization is standard",
        ),
        ({**CHANNEL, "channel_std": [1.0, 2.0]}, "channel_std must have 3 numbers"),
        ({**CHANNEL, "channel_std": [1.0, 2.0, -3.0]}, "std must hold grey levels"),
        ({**CHANNEL, "channel_mean": 127.5}, "channel_mean must have 3 numbers"),
        ({"image_size": 32, "fourier": {"filter": "notch"}}, "fourier.filter must be one of"),
        ({"image_size": 32, "fourier": "low_pass"}, "fourier must be a mapping"),
        ({"image_size": 32, "fourier": {"spectrum_bins": 17}}, "spectrum_bins must be at most half of image_size, 16"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(content, reason):
    with pytest.raises(ContractError, match=reason):
        image_features_from(content)


@pytest.mark.parametrize(
    "content",
    [
        {"image_size": 32, "resize": "crop", "normalization": "min_max"},
        {**CHANNEL, "resize": "squash"},
        {**CHANNEL, "resize": "squash", "fourier": BAND},
        {"image_size": 32, "resize": "crop", "normalization": "standard", "decoding": "scaled"},
        {"image_size": 32, "resize": "squash", "normalization": "standard", "fourier": {**BAND, "spectrum_bins": 0}},
    ],
)
def test_settings_are_written_as_they_were_read(content):
    features = image_features_from(content)
    assert json.loads(json.dumps(features.to_dict())) == content
    assert image_features_from(json.loads(json.dumps(features.to_dict()))) == features


def test_settings_of_before_normalisation_by_channel_still_load():
    assert image_features_from({"image_size": 32, "resize": "crop", "normalization": "standard"}) == ImageFeatures(
        image_size=32, resize="crop", normalization="standard"
    )


def pixels(photos, size: int) -> torch.Tensor:
    """Photos as the feature store holds them, shape (2, S, S, 3), uint8."""
    return (photos[..., :size, :size] * 255).round().byte().permute(0, 2, 3, 1).contiguous()


def test_images_are_filtered_before_they_are_normalised(photos):
    settings = FourierSettings(filter="band_pass", low=0.05, high=0.5)
    features = ImageFeatures(image_size=64, normalization="standard", fourier=settings)
    (images,) = features.tensors({"image": pixels(photos, 64)})
    filtered = (filter_frequencies(photos[..., :64, :64], low=0.05, high=0.5) + 0.5).clamp(0, 1)
    torch.testing.assert_close(images, filtered * 2 - 1, rtol=0, atol=1e-5)


def test_the_spectrum_is_that_of_the_image_before_the_filter(photos):
    content = {**CHANNEL, "image_size": 64, "fourier": BAND}
    images, spectra = image_features_from(content).tensors({"image": pixels(photos, 64)})
    assert images.shape == (2, 3, 64, 64)
    torch.testing.assert_close(spectra, log_ring_power(photos[..., :64, :64], 8), rtol=0, atol=1e-5)


def test_a_filter_of_none_leaves_images_as_they_were(photos):
    inputs = {"image": pixels(photos, 64)}
    (plain,) = ImageFeatures(image_size=64).tensors(inputs)
    (same,) = ImageFeatures(image_size=64, fourier=FourierSettings()).tensors(inputs)
    assert torch.equal(plain, same)


@pytest.mark.parametrize("normalization", ["min_max", "standard", "channel"])
@pytest.mark.parametrize("fourier", [None, BAND])
def test_one_image_or_many_under_autocast_or_not_give_the_same(photos, normalization, fourier):
    content = {**CHANNEL, "image_size": 64} if normalization == "channel" else {"image_size": 64}
    features = image_features_from({**content, "normalization": normalization, "fourier": fourier})
    inputs = {"image": pixels(photos, 64)}
    together = features.tensors(inputs)
    alone = features.tensors({"image": inputs["image"][1:]})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = features.tensors(inputs)
    for whole, one, same in zip(together, alone, mixed, strict=True):
        assert whole.dtype == torch.float32
        assert torch.equal(whole, same)
        torch.testing.assert_close(one, whole[1:], rtol=0, atol=1e-5)


def test_no_images_give_tensors_of_no_rows():
    features = image_features_from({**CHANNEL, "fourier": BAND})
    images, spectra = features.tensors({"image": torch.zeros((0, 32, 32, 3), dtype=torch.uint8)})
    assert images.shape == (0, 3, 32, 32)
    assert spectra.shape == (0, 8)


@pytest.mark.gpu
@pytest.mark.parametrize("fourier", [None, BAND])
def test_cpu_and_gpu_prepare_alike(photos, fourier):
    features = image_features_from({**CHANNEL, "image_size": 160, "fourier": fourier})
    on_cpu = features.tensors({"image": pixels(photos, 160)})
    on_gpu = features.tensors({"image": pixels(photos, 160).cuda()})
    for first, second in zip(on_cpu, on_gpu, strict=True):
        torch.testing.assert_close(second.cpu(), first, rtol=0, atol=1e-4)
