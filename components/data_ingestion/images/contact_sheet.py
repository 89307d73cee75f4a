"""A few small images of each class, for a person to see what the data are."""

from collections.abc import Iterator, Sequence
import io

from PIL import Image

from components.data_ingestion.images.image_set import MeasuredImage
from components.data_ingestion.images.reading import ImageReader
from components.modeling.images.decoding import decode_image

_MAX_IMAGES = 36
_IMAGES_A_CLASS = 6
_SIDE_PX = 96


def contact_sheet(
    reader: ImageReader, images: Sequence[MeasuredImage], class_names: Sequence[str]
) -> Iterator[tuple[str, bytes]]:
    """Label and JPEG file, at most 96 pixels a side: up to 6 a class and 36 in all, the same in every run."""
    a_class = max(1, min(_IMAGES_A_CLASS, _MAX_IMAGES // max(len(class_names), 1)))
    ordered = sorted(images, key=lambda image: image.record.fingerprint)
    for name in class_names[:_MAX_IMAGES]:
        for image in [image for image in ordered if image.label == name][:a_class]:
            yield name, _thumbnail(reader.read(image.entry.location))


def _thumbnail(data: bytes) -> bytes:
    image = Image.fromarray(decode_image(data).pixels_HWC)
    image.thumbnail((_SIDE_PX, _SIDE_PX))
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=75)
    return buffer.getvalue()
