"""Sets with planted causes of errors, and their healthy twins, from data that libraries carry.

Photos are patches of the two photos of scikit-learn (a temple, a flower), digits, or made-up textures. A third of the
kinds of plants (`HELD_OUT`) was kept out of the tuning.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import io

import numpy as np
from PIL import Image, ImageFile, ImageFilter
from sklearn.datasets import load_digits, load_sample_images

from components.mock_data.measure_facts import MeasureFacts
from components.mock_data.mock_images import mock_images

SIDE_PX = 64


@dataclass(frozen=True, kw_only=True)
class Photos:
    """N photos: encoded, with true classes, shape (N,), int."""

    files: list[bytes]
    classes: np.ndarray
    class_names: tuple[str, ...]


def patches(num: int, seed: int, *, part: str) -> Photos:
    """Patches of a temple and of a flower, at any place and of several sizes."""
    rng, photos = np.random.default_rng([seed, part == "train"]), load_sample_images().images
    classes = rng.integers(0, 2, num)
    files = []
    for number in classes:
        photo = photos[number]
        side = int(rng.integers(70, 160))
        top, left = rng.integers(0, photo.shape[0] - side), rng.integers(0, photo.shape[1] - side)
        pixels = photo[top : top + side, left : left + side].astype(float) * rng.uniform(0.8, 1.15)
        files.append(encoded(np.clip(pixels, 0, 255).astype(np.uint8)))
    return Photos(files=files, classes=classes, class_names=("temple", "flower"))


def digits(num: int, seed: int, *, part: str) -> Photos:
    """Handwritten digits, bright on dark colours."""
    rng, found = np.random.default_rng(seed), load_digits()
    places = np.arange(1200) if part == "train" else np.arange(1200, len(found.images))
    rows = rng.choice(places, num, replace=num > len(places))
    files = []
    for row in rows:
        grey = np.asarray(Image.fromarray((found.images[row] * 15).astype(np.uint8)).resize((40, 40), Image.BICUBIC))
        canvas = np.zeros((48, 48))
        canvas[4:44, 4:44] = grey / 255
        ink, paper = rng.uniform(180, 255, 3), rng.uniform(10, 70, 3)
        pixels = paper + canvas[..., None] * (ink - paper) + rng.normal(0, 4, (48, 48, 3))
        files.append(encoded(np.clip(pixels, 0, 255).astype(np.uint8)))
    return Photos(files=files, classes=found.target[rows], class_names=tuple("0123456789"))


def textures(num: int, seed: int, *, part: str) -> Photos:
    """Textures of four kinds, as mock data paints them."""
    rng = np.random.default_rng([seed, part == "train"])
    classes = rng.integers(0, 4, num)
    files = [encoded(decoded(image.data)) for image in mock_images(classes, 4, MeasureFacts(), rng)]
    return Photos(files=files, classes=classes, class_names=("stripes", "bars", "checks", "rings"))


def encoded(pixels: np.ndarray, file_format: str = "JPEG") -> bytes:
    """An image file of pixels, shape (H, W, 3)."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=file_format, quality=92)
    return buffer.getvalue()


def decoded(data: bytes) -> np.ndarray:
    """Pixels, shape (H, W, 3), as a careless reader gives them: damage is passed over."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def _truncated(data: bytes, rng: np.random.Generator) -> bytes:
    start = data.index(b"\xff\xda") + 12
    return encoded(decoded(data[: start + int(rng.uniform(0.1, 0.4) * (len(data) - start))]), "PNG")


def _flipped_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """A JPEG file with bytes of its coded part changed, as a bad disk or a text-mode copy leaves it."""
    changed, start = bytearray(data), data.index(b"\xff\xda") + 12
    for place in rng.integers(start, start + (len(data) - start) // 3, 6):
        changed[place] = int(rng.integers(0, 255))
    return bytes(changed)


def _swapped_channels(data: bytes, rng: np.random.Generator) -> bytes:
    return encoded(np.ascontiguousarray(decoded(data)[..., ::-1]))


def _wrong_row_length(data: bytes, rng: np.random.Generator) -> bytes:
    pixels = decoded(data)
    height, width, _ = pixels.shape
    shift = int(rng.integers(max(width // 12, 2), max(width // 4, 4)))
    flat = np.resize(pixels.reshape(-1, 3), (height * (width + shift), 3))
    return encoded(flat.reshape(height, width + shift, 3)[:, :width])


def _turned(data: bytes, rng: np.random.Generator) -> bytes:
    return encoded(np.ascontiguousarray(np.rot90(decoded(data), int(rng.integers(1, 4)))))


def _planar(data: bytes, rng: np.random.Generator) -> bytes:
    pixels = decoded(data)
    return encoded(np.ascontiguousarray(pixels.transpose(2, 0, 1)).reshape(pixels.shape))


def _negative(data: bytes, rng: np.random.Generator) -> bytes:
    return encoded(255 - decoded(data))


def _overflowed(data: bytes, rng: np.random.Generator) -> bytes:
    """Brightness that wrapped around at 255."""
    return encoded((decoded(data).astype(int) * 2 % 256).astype(np.uint8))


def _gaussian_blur(data: bytes, rng: np.random.Generator) -> bytes:
    image = Image.fromarray(decoded(data))
    radius = rng.uniform(0.035, 0.08) * min(image.size)
    return encoded(np.asarray(image.filter(ImageFilter.GaussianBlur(radius))))


def _box_blur(data: bytes, rng: np.random.Generator) -> bytes:
    image = Image.fromarray(decoded(data))
    return encoded(np.asarray(image.filter(ImageFilter.BoxBlur(rng.uniform(0.05, 0.12) * min(image.size)))))


def _shaken(data: bytes, rng: np.random.Generator) -> bytes:
    """Blurred along one direction, as by a hand that moved."""
    pixels = decoded(data).astype(float)
    length = max(int(rng.uniform(0.15, 0.3) * min(pixels.shape[:2])), 3)
    slope = rng.uniform(-1, 1)
    moved = [
        np.roll(pixels, (round(step * slope), step), axis=(0, 1)) for step in range(-(length // 2), length // 2 + 1)
    ]
    return encoded(np.mean(moved, axis=0).astype(np.uint8))


Plant = Callable[[bytes, np.random.Generator], bytes]
BROKEN: Mapping[str, Plant] = {
    "truncated": _truncated,
    "flipped bytes": _flipped_bytes,
    "swapped channels": _swapped_channels,
    "wrong row length": _wrong_row_length,
    "turned": _turned,
    "planar": _planar,
    "negative": _negative,
    "overflowed": _overflowed,
}
BLURRED: Mapping[str, Plant] = {"gaussian": _gaussian_blur, "box": _box_blur, "shaken": _shaken}
HELD_OUT = ("planar", "negative", "overflowed", "shaken")


def noise_files(num: int, rng: np.random.Generator) -> list[bytes]:
    """Photos of nothing that a camera sees: coloured spots of several sizes."""
    files = []
    for _ in range(num):
        small = rng.integers(0, 256, (int(rng.integers(3, 16)),) * 2 + (3,)).astype(np.uint8)
        files.append(encoded(np.asarray(Image.fromarray(small).resize((64, 64), Image.NEAREST))))
    return files


def chosen(rng: np.random.Generator, num_rows: int, shares: Mapping[str, float]) -> np.ndarray:
    """Which plant each of N rows gets, shape (N,), object: a key of `shares`, or the empty text."""
    plants = np.full(num_rows, "", object)
    order, start = rng.permutation(num_rows), 0
    for name, share in shares.items():
        end = start + round(share * num_rows)
        plants[order[start:end]] = name
        start = end
    return plants


def planted_photos(
    photos: Photos,
    aliens: Sequence[bytes],
    rng: np.random.Generator,
    *,
    share: float = 0.08,
    broken: Sequence[str] = (),
    blurred: Sequence[str] = (),
) -> tuple[list[bytes], np.ndarray, np.ndarray]:
    """Files, labels, shape (N,), and plants, shape (N,), object, of photos of which some are harmed.

    Plants are `wrong_label`, `broken:<kind>`, `blurred:<kind>` and `alien`, `share` of the photos each.
    """
    kinds = {
        "wrong_label": share,
        "alien": share,
        **{f"broken:{kind}": share / max(len(broken), 1) for kind in broken},
        **{f"blurred:{kind}": share / max(len(blurred), 1) for kind in blurred},
    }
    plants = chosen(rng, len(photos.files), kinds)
    files, labels = list(photos.files), photos.classes.copy()
    for row, plant in enumerate(plants):
        family, _, kind = plant.partition(":")
        if family == "wrong_label":
            labels[row] = (labels[row] + rng.integers(1, len(photos.class_names))) % len(photos.class_names)
        elif family == "alien":
            files[row] = aliens[int(rng.integers(len(aliens)))]
        elif family:
            files[row] = (BROKEN if family == "broken" else BLURRED)[kind](files[row], rng)
    return files, labels, plants


def mojibake(text: str, rng: np.random.Generator) -> str:
    """A text whose UTF-8 was read as another encoding."""
    return text.encode().decode("latin-1")


def question_marks(text: str, rng: np.random.Generator) -> str:
    """A text that went through an encoding without its letters."""
    return text.encode("ascii", errors="replace").decode()


def lost_bytes(text: str, rng: np.random.Generator) -> str:
    """A text whose bytes were half lost: replacement characters."""
    return text.encode()[1::2].decode("utf-8", errors="replace")


def entities(text: str, rng: np.random.Generator) -> str:
    """A text that was escaped for HTML."""
    return text.encode("ascii", errors="xmlcharrefreplace").decode()


BROKEN_TEXTS = {"mojibake": mojibake, "question marks": question_marks, "lost bytes": lost_bytes, "entities": entities}
HELD_OUT_TEXTS = ("lost bytes", "entities")
