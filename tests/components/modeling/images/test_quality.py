"""Blur, moire and recompression each raise their own figure and leave the others where they usually are."""

import io

import numpy as np
from PIL import Image, ImageFilter
import pytest

from components.modeling.images.quality import block_grid, spectral_quality, watched_pixels


def figures(grey: Image.Image) -> dict[str, float]:
    found = spectral_quality(watched_pixels(grey))
    return {"blur": found.blur, "moire": found.moire, "recompression": block_grid(np.asarray(grey))}


def texture(seed: int, *, steepness: float = 1.0, height: int = 350, width: int = 500) -> Image.Image:
    """Noise whose magnitude falls with the frequency as that of photos does."""
    waves = np.fft.rfft2(np.random.default_rng(seed).normal(size=(height, width)))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    radius[0, 0] = 1.0
    values = np.fft.irfft2(waves / radius**steepness, s=(height, width))
    values = 128 + 50 * (values - values.mean()) / values.std()
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def white_noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (350, 500), dtype=np.uint8))


def sample_photo(number: int) -> Image.Image:
    from sklearn.datasets import load_sample_images

    return Image.fromarray(load_sample_images().images[number]).convert("L")


def blurred(grey: Image.Image) -> Image.Image:
    return grey.filter(ImageFilter.GaussianBlur(3.0))


def with_wave(grey: Image.Image) -> Image.Image:
    rows, columns = np.indices((grey.height, grey.width))
    wave = 20 * np.sin(2 * np.pi * (0.0413 * rows + 0.0631 * columns))
    return Image.fromarray((np.asarray(grey) + wave).clip(0, 255).round().astype(np.uint8))


def recompressed(grey: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    grey.save(buffer, format="JPEG", quality=10)
    return Image.open(buffer).convert("L")


PICTURES = {
    "soft texture": lambda: texture(0, steepness=1.3),
    "texture": lambda: texture(1),
    "fine texture": lambda: texture(2, steepness=0.7),
    "white noise": lambda: white_noise(3),
    "temple": lambda: sample_photo(0),
    "flower": lambda: sample_photo(1),
}


@pytest.fixture(params=PICTURES)
def picture(request) -> Image.Image:
    return PICTURES[request.param]()


def test_pictures_without_harm_are_in_the_usual_range(picture):
    found = figures(picture)
    assert 0.2 < found["blur"] < 0.8
    assert found["moire"] < 12.0
    assert found["recompression"] < 0.05


def test_blur_raises_blur_alone(picture):
    before, after = figures(picture), figures(blurred(picture))
    assert after["blur"] > max(before["blur"] + 0.08, 0.7)
    assert after["moire"] < 12.0
    assert after["recompression"] < 0.1


def test_a_wave_raises_moire_alone(picture):
    before, after = figures(picture), figures(with_wave(picture))
    assert after["moire"] > max(before["moire"] + 6.0, 15.0)
    assert after["blur"] == pytest.approx(before["blur"], abs=0.02)
    assert after["recompression"] < 0.05


@pytest.mark.parametrize("name", [name for name in PICTURES if name != "white noise"])
def test_recompression_raises_recompression_alone(name):
    picture = PICTURES[name]()
    before, after = figures(picture), figures(recompressed(picture))
    assert after["recompression"] > 0.25
    assert after["blur"] == pytest.approx(before["blur"], abs=0.1)
    assert after["moire"] < 12.0


def test_a_grid_is_found_wherever_it_begins():
    cut = recompressed(texture(1)).crop((3, 5, 403, 305))
    assert block_grid(np.asarray(cut)) > 0.25


def test_a_picture_in_another_size_has_nearly_the_same_figures():
    large, small = (figures(sample_photo(0).resize(size)) for size in ((1200, 800), (480, 320)))
    assert large["blur"] == pytest.approx(small["blur"], abs=0.05)
    assert large["moire"] == pytest.approx(small["moire"], abs=3.0)
    assert large["recompression"] == pytest.approx(small["recompression"], abs=0.05)


def test_more_blur_is_more():
    found = [figures(texture(1).filter(ImageFilter.GaussianBlur(radius)))["blur"] for radius in (0, 1, 2, 4, 8)]
    assert found == sorted(found)
    assert found[-1] - found[0] > 0.2


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 9), (24, 24), (28, 28), (300, 8), (300, 400)])
def test_flat_images_of_any_size_have_no_detail_and_no_harm_beside(size):
    none = pytest.approx(0.0, abs=1e-9)
    assert figures(Image.new("L", size, 100)) == {"blur": 1.0, "moire": none, "recompression": none}


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (8, 8), (23, 25), (33, 47), (257, 255)])
def test_noise_of_any_size_has_finite_figures(size):
    noise = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    found = figures(Image.fromarray(noise))
    assert np.isfinite(list(found.values())).all()
    assert 0.0 <= found["blur"] <= 1.0
    assert min(found.values()) >= 0.0
