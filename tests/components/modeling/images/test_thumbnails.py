import io

import numpy as np
from PIL import Image
import pytest

from components.modeling.images.decoding import UndecodableImageError
from components.modeling.images.thumbnails import thumbnail


def _photo(width, height, file_format="JPEG"):
    pixels = np.random.default_rng(0).integers(160, 221, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=file_format)
    return buffer.getvalue()


def _size(data):
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        return image.size


def test_a_large_image_shrinks_in_its_proportions() -> None:
    assert _size(thumbnail(_photo(960, 480))) == (96, 48)


def test_a_small_image_is_not_enlarged() -> None:
    assert _size(thumbnail(_photo(28, 28, file_format="PNG"))) == (28, 28)


def test_a_very_narrow_image_keeps_a_pixel() -> None:
    assert _size(thumbnail(_photo(2000, 2))) == (96, 1)


def test_a_thumbnail_is_small() -> None:
    assert len(thumbnail(_photo(600, 600))) < 12_000


def test_bytes_that_are_no_image_are_refused() -> None:
    with pytest.raises(UndecodableImageError):
        thumbnail(b"no image")
