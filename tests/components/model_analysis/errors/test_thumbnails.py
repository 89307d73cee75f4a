import io

from PIL import Image
import pytest

from components.model_analysis.errors.thumbnails import thumbnail
from components.modeling.images.decoding import UndecodableImageError


def _size(data):
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        return image.size


def test_a_large_image_shrinks_in_its_proportions(photo) -> None:
    assert _size(thumbnail(photo("cat", size=(960, 480)))) == (96, 48)


def test_a_small_image_is_not_enlarged(photo) -> None:
    assert _size(thumbnail(photo("cat", size=(28, 28), file_format="PNG"))) == (28, 28)


def test_a_very_narrow_image_keeps_a_pixel(photo) -> None:
    assert _size(thumbnail(photo("cat", size=(2000, 2)))) == (96, 1)


def test_a_thumbnail_is_small(photo) -> None:
    assert len(thumbnail(photo("cat", size=(600, 600)))) < 12_000


def test_bytes_that_are_no_image_are_refused() -> None:
    with pytest.raises(UndecodableImageError):
        thumbnail(b"no image")
