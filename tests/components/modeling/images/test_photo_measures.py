import io

import numpy as np
from PIL import Image
import pyarrow as pa

from components.modeling.images.decoding import decode_image
from components.modeling.images.photo_measures import IMAGE_MEASURES, measured_photos, photo_measures


def photo(seed: int = 0) -> bytes:
    pixels_HWC = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels_HWC).save(file, "PNG")
    return file.getvalue()


def test_photos_are_measured_in_their_order_as_one_alone():
    first, second = photo(0), photo(1)
    columns = measured_photos(pa.array([first, second], pa.binary()))
    image = decode_image(second)
    alone = photo_measures(image, Image.fromarray(image.pixels_HWC).convert("L"), num_bytes=len(second))
    assert tuple(values[1].as_py() for values in columns.values()) == alone
    assert {name: values.type for name, values in columns.items()} == IMAGE_MEASURES
    assert columns["image_width"].to_pylist() == [60, 60]


def test_a_file_that_is_missing_or_no_photo_has_no_measures():
    columns = measured_photos(pa.array([None, b"no photo", photo()], pa.binary()))
    for values in columns.values():
        assert values.is_null().to_pylist() == [True, True, False]
