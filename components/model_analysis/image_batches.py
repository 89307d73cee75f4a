"""Images on their way to a model: batches of encoded files with what is known of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import pyarrow as pa

from components.modeling.image_decoding import UndecodableImageError

BATCH_ROWS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceImage:
    """One image that is to be scored.

    Attributes
    ----------
    example_id
        Unique within its source.
    label
        As the source gives it, None where it gives none.
    content
        The encoded bytes, a file to read them from, or None where the source holds nothing.
    split
        `train`, `validation` or `test`; a source without splits is all `test`.
    """

    example_id: str
    label: str | None
    content: bytes | Path | None
    split: str = "test"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageBatch:
    """Some images, and the columns that travel with them: N values each."""

    images: tuple[SourceImage, ...]
    extra: Mapping[str, pa.Array] = field(default_factory=dict)


def batched(images: Iterable[SourceImage], *, batch_rows: int = BATCH_ROWS) -> Iterator[ImageBatch]:
    """Group images into batches.

    Parameters
    ----------
    images
        In the order in which they are scored.
    batch_rows
        Images a batch at most, 1 or more.

    Yields
    ------
    ImageBatch
        At least one image each.
    """
    remaining = iter(images)
    while chunk := tuple(islice(remaining, batch_rows)):
        yield ImageBatch(images=chunk)


def named_once(images: Iterable[SourceImage]) -> Iterator[SourceImage]:
    """Images with unique names: a name that occurred before gets `#<position>`."""
    seen: set[str] = set()
    for position, image in enumerate(images):
        unique = image if image.example_id not in seen else replace(image, example_id=f"{image.example_id}#{position}")
        seen.add(unique.example_id)
        yield unique


def encoded_bytes(image: SourceImage) -> bytes:
    """The encoded bytes of an image, read from its file where it is one.

    Raises
    ------
    UndecodableImageError
        If the source holds nothing for it, or its file is missing or cannot be read.
    """
    if image.content is None:
        raise UndecodableImageError("the source holds no image for this example")
    if isinstance(image.content, bytes):
        return image.content
    try:
        if image.content.exists() and not image.content.is_file():
            raise UndecodableImageError("it is no regular file")
        return image.content.read_bytes()
    except FileNotFoundError as error:
        raise UndecodableImageError("there is no such file") from error
    except OSError as error:
        raise UndecodableImageError(f"the file cannot be read: {error.strerror or error}") from error
