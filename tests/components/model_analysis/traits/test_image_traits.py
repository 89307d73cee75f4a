import io
import subprocess
import sys

import numpy as np
from PIL import Image
import pytest

from components.model_analysis.traits.image_traits import IMAGE_TRAITS, image_traits, off_centre, saturation


def encoded(pixels: np.ndarray, file_format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=file_format, **({"quality": 95} if file_format == "JPEG" else {}))
    return buffer.getvalue()


def scene(place: tuple[float, float], *, seed: int = 0, size: tuple[int, int] = (160, 160), noise: float = 8.0):
    """A bright disc at a place (down and across, -1 to 1) of a noisy grey background, in RGB."""
    rng = np.random.default_rng(seed)
    height, width = size
    down, across = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    grey = 90 + rng.normal(0, noise, size)
    grey[np.hypot(down - place[0], across - place[1]) < 0.25] += 100
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def test_traits_of_a_flat_grey_image():
    data = encoded(np.full((30, 60, 3), 51, np.uint8))
    assert image_traits(data) == {
        "image_width": 60,
        "image_height": 30,
        "image_bytes": len(data),
        "brightness": pytest.approx(0.2),
        "contrast": pytest.approx(0.0, abs=1e-9),
        "sharpness": pytest.approx(0.0, abs=1e-12),
        "aspect_ratio": 2.0,
        "saturation": 0.0,
        "off_centre": 0.0,
    }


def test_pure_red_is_saturated_and_grey_is_not():
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 200
    assert saturation(red) == 1.0
    assert saturation(np.full((4, 4, 3), 7, np.uint8)) == 0.0
    assert saturation(np.zeros((4, 4, 3), np.uint8)) == 0.0


@pytest.mark.parametrize("size", [(160, 160), (120, 200)])
@pytest.mark.parametrize("place", [(0.0, 0.0), (0.6, 0.0), (-0.5, 0.5), (0.7, -0.7)])
def test_the_subjects_place_is_found(place, size):
    asked = np.hypot(*place) / np.sqrt(2)
    found = [image_traits(encoded(scene(place, seed=seed, size=size)))["off_centre"] for seed in range(5)]
    assert found == pytest.approx([asked] * 5, abs=0.06)


def test_a_dark_subject_counts_as_a_bright_one():
    grey = scene((0.5, 0.5))[..., 0][::5, ::5]
    assert off_centre(255 - grey) == pytest.approx(off_centre(grey), abs=1e-6)


def test_a_blurred_photo_is_less_sharp():
    sharp = Image.fromarray(scene((0, 0), noise=30))
    blurred = np.asarray(sharp.resize((40, 40)).resize((160, 160)))
    assert image_traits(encoded(blurred))["sharpness"] < 0.2 * image_traits(encoded(np.asarray(sharp)))["sharpness"]


def test_a_photo_decoded_smaller_has_its_own_size_and_nearly_the_same_traits():
    data = encoded(scene((0.4, -0.5), size=(600, 800)), "JPEG")
    whole = image_traits(data)
    part = image_traits(data, ["image_width", "image_height", "aspect_ratio", "off_centre", "saturation"])
    assert (part["image_width"], part["image_height"]) == (800, 600) == (whole["image_width"], whole["image_height"])
    assert part["off_centre"] == pytest.approx(whole["off_centre"], abs=0.02)


def test_a_turned_photo_has_its_upright_size():
    buffer = io.BytesIO()
    image = Image.fromarray(scene((0, 0), size=(300, 400)))
    exif = image.getexif()
    exif[274] = 6
    image.save(buffer, format="JPEG", exif=exif)
    assert image_traits(buffer.getvalue(), ["image_width", "image_height"]) == {"image_width": 300, "image_height": 400}


def test_what_cannot_be_decoded_has_no_traits():
    assert image_traits(b"no image") == dict.fromkeys(IMAGE_TRAITS)


def test_traits_need_no_torch():
    code = "import sys, components.model_analysis.traits.example_traits; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
