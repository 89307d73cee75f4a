import io

import numpy as np
from PIL import Image
import pytest

from components.data_ingestion.images.measures import image_record, stored_payload
from components.modeling.images.decoding import decode_image
from components.modeling.images.light import sharpness
from components.modeling.images.photo_measures import IMAGE_MEASURES
from components.modeling.images.quality import block_grid, spectral_quality, watched_pixels


def measures(data: bytes) -> dict:
    return dict(zip(IMAGE_MEASURES, image_record(data).values, strict=True))


def test_measures_of_a_flat_grey_image(encoded):
    data = encoded(np.full((10, 20), 51, np.uint8), "PNG")
    assert measures(data) == {
        "image_width": 20,
        "image_height": 10,
        "image_channels": 1,
        "image_format": "PNG",
        "image_bytes": len(data),
        "brightness": pytest.approx(0.2),
        "contrast": pytest.approx(0.0, abs=1e-9),
        "sharpness": pytest.approx(0.0, abs=1e-12),
        "blur": 1.0,
        "moire": pytest.approx(0.0, abs=1e-9),
        "recompression": 0.0,
    }


def test_half_black_half_white_has_the_contrast_one_half(encoded):
    pixels = np.zeros((8, 8), np.uint8)
    pixels[:, 4:] = 255
    found = measures(encoded(pixels, "PNG"))
    assert found["brightness"] == pytest.approx(0.5)
    assert found["contrast"] == pytest.approx(0.5)


def test_a_blurred_image_is_less_sharp(photo):
    sharp = Image.fromarray(np.random.default_rng(0).integers(0, 256, (256, 256), dtype=np.uint8))
    blurred = sharp.resize((64, 64)).resize((256, 256))
    assert sharpness(blurred) < 0.2 * sharpness(sharp)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (300, 400)])
def test_a_records_figures_are_those_of_the_whole_image(encoded, photo, height, width):
    pixels = photo(1, height=height, width=width)
    grey = Image.fromarray(pixels).convert("L")
    found = measures(encoded(pixels, "PNG"))
    assert found["sharpness"] == sharpness(grey)
    assert found["blur"] == spectral_quality(watched_pixels(grey)).blur
    assert found["recompression"] == block_grid(np.asarray(grey))


def test_the_same_pixels_have_the_same_pixel_fingerprint_in_every_format(encoded, photo):
    png, bmp = (image_record(encoded(photo(1), kind)) for kind in ("PNG", "BMP"))
    assert png.pixel_fingerprint == bmp.pixel_fingerprint
    assert png.fingerprint != bmp.fingerprint


def test_pixels_of_another_shape_have_another_fingerprint(encoded):
    wide, tall = (image_record(encoded(np.zeros(shape, np.uint8), "PNG")) for shape in ((2, 8), (8, 2)))
    assert wide.pixel_fingerprint != tall.pixel_fingerprint


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "WEBP"])
def test_a_plain_image_is_stored_byte_for_byte(encoded, photo, file_format):
    data = encoded(photo(1), file_format)
    assert stored_payload(data, image_record(data)) == data


@pytest.mark.parametrize("file_format", ["TIFF", "PPM", "GIF"])
def test_an_unusual_format_is_stored_as_png(encoded, photo, file_format):
    data = encoded(photo(1), file_format)
    record = image_record(data)
    stored = stored_payload(data, record)
    assert record.conversions
    assert Image.open(io.BytesIO(stored)).format == "PNG"
    np.testing.assert_array_equal(decode_image(stored).pixels_HWC, decode_image(data).pixels_HWC)
