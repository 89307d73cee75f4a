"""Photos harmed on purpose: what broken processing and blur make of them.

Nearly a third of the kinds (`HELD_OUT`) was kept out of the tuning.
"""

from collections.abc import Callable, Mapping
import io

import numpy as np
from PIL import Image, ImageFile, ImageFilter

Plant = Callable[[bytes, np.random.Generator], bytes]
Harm = Callable[[np.ndarray, np.random.Generator], np.ndarray]


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


def _swapped_channels(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return pixels[..., ::-1]


def _wrong_row_length(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width, _ = pixels.shape
    shift = int(rng.integers(max(width // 12, 2), max(width // 4, 4)))
    flat = np.resize(pixels.reshape(-1, 3), (height * (width + shift), 3))
    return flat.reshape(height, width + shift, 3)[:, :width]


def _turned(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.rot90(pixels, int(rng.integers(1, 4)))


def _planar(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)).reshape(pixels.shape)


def _negative(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 255 - pixels


def _overflowed(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness that wrapped around at 255."""
    return (pixels.astype(int) * 2 % 256).astype(np.uint8)


def _turned_channels(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Green, blue, red."""
    return pixels[..., [1, 2, 0]]


def _not_converted(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness and two colour differences, taken for red, green and blue."""
    return np.asarray(Image.fromarray(pixels).convert("YCbCr"))


def _normalised(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Numbers about zero, made for a network, stored as brightness."""
    normal = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return (np.clip(normal, 0, 1) * 255).astype(np.uint8)


def _upside_down(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The last row first, as bitmaps are stored."""
    return pixels[::-1]


def _interlaced(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every other group of rows was not written."""
    step = max(len(pixels) // 24, 1)
    found = pixels.copy()
    found[(np.arange(len(pixels)) // step) % 2 == 1] = 0
    return found


def _byte_noise(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A tenth to a third of the numbers are any number."""
    is_lost = rng.random(pixels.shape) < rng.uniform(0.1, 0.33)
    return np.where(is_lost, rng.integers(0, 256, pixels.shape), pixels).astype(np.uint8)


def _squeezed(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brought to another form: a band of it, the rest empty."""
    height, width, _ = pixels.shape
    found, part = np.zeros_like(pixels), max(int(rng.uniform(0.2, 0.35) * height), 4)
    found[(height - part) // 2 :][:part] = np.asarray(Image.fromarray(pixels).resize((width, part)))
    return found


def _transposed(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows read as columns."""
    return pixels.transpose(1, 0, 2)


def _hue_as_red(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hue, saturation and value, taken for red, green and blue."""
    return np.asarray(Image.fromarray(pixels).convert("HSV"))


def _one_channel(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two of three channels were not written."""
    found = np.zeros_like(pixels)
    kept = int(rng.integers(3))
    found[..., kept] = pixels[..., kept]
    return found


def _signed(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Numbers from -128 to 127, taken for 0 to 255."""
    return (pixels.astype(int) + 128).astype(np.uint8)


def _four_as_three(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Four numbers a pixel, of which the last is 255, read as three."""
    four = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=2)
    return four.reshape(-1)[: pixels.size].reshape(pixels.shape)


def _few_levels(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two or three levels of each colour."""
    levels = int(rng.integers(1, 3))
    return (np.round(pixels / 255 * levels) / levels * 255).astype(np.uint8)


def _stale_rows(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The lower part is the upper part once more, as from a buffer that was not filled again."""
    part = int(rng.uniform(0.25, 0.45) * len(pixels))
    return np.resize(pixels[:part], pixels.shape)


def _tiles_exchanged(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Tiles of 3 x 3 are put together in another order."""
    height, width = (side // 3 for side in pixels.shape[:2])
    found, order = pixels.copy(), rng.permutation(9)
    for place, other in enumerate(order):
        (row, column), (from_row, from_column) = divmod(place, 3), divmod(int(other), 3)
        part = pixels[from_row * height :, from_column * width :][:height, :width]
        found[row * height :, column * width :][:height, :width] = part
    return found


def _in_a_corner(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Too small for its frame, which is padded."""
    height, width, _ = pixels.shape
    part = rng.uniform(0.3, 0.5)
    small = np.asarray(Image.fromarray(pixels).resize((max(int(width * part), 4), max(int(height * part), 4))))
    found = np.full_like(pixels, int(rng.choice([0, 128, 255])))
    found[: len(small), : small.shape[1]] = small
    return found


def _gaussian_blur(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    radius = rng.uniform(0.035, 0.08) * min(pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def _box_blur(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    radius = rng.uniform(0.05, 0.12) * min(pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.BoxBlur(radius)))


def _shaken(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blurred along one direction, as by a hand that moved."""
    length = max(int(rng.uniform(0.15, 0.3) * min(pixels.shape[:2])), 3)
    slope = rng.uniform(-1, 1)
    steps = range(-(length // 2), length // 2 + 1)
    moved = [np.roll(pixels.astype(float), (round(step * slope), step), axis=(0, 1)) for step in steps]
    return np.mean(moved, axis=0).astype(np.uint8)


def _shrunk(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Made small and large again."""
    image, part = Image.fromarray(pixels), rng.uniform(0.08, 0.18)
    small = image.resize([max(int(part * side), 3) for side in image.size], Image.Resampling.BOX)
    return np.asarray(small.resize(image.size, Image.Resampling.BICUBIC))


def _out_of_focus(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each point became a disc."""
    radius = rng.uniform(0.06, 0.12) * min(pixels.shape[:2])
    span = np.arange(-int(radius) - 1, int(radius) + 2)
    discs = [(down, across) for down in span for across in span if down**2 + across**2 <= radius**2]
    chosen = [discs[place] for place in rng.permutation(len(discs))[:160]]
    return np.mean([np.roll(pixels, shift, axis=(0, 1)) for shift in chosen], axis=0).astype(np.uint8)


def _zoomed(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blurred away from the middle, as by a lens that moved."""
    image, (height, width, _) = Image.fromarray(pixels), pixels.shape
    found = []
    for part in np.linspace(0, rng.uniform(0.2, 0.35), 14):
        edges = (part * width / 2, part * height / 2, width - part * width / 2, height - part * height / 2)
        found.append(np.asarray(image.resize(image.size, Image.Resampling.BILINEAR, box=edges), float))
    return np.mean(found, axis=0).astype(np.uint8)


def _grey(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One channel was read three times."""
    return np.repeat(pixels[..., :1], 3, axis=2)


def _of_pixels(harm: Harm) -> Plant:
    def of_file(data: bytes, rng: np.random.Generator) -> bytes:
        return encoded(np.ascontiguousarray(harm(decoded(data), rng)))

    return of_file


_BROKEN_FILES: Mapping[str, Plant] = {"truncated": _truncated, "flipped bytes": _flipped_bytes}
_BROKEN_PIXELS: Mapping[str, Harm] = {
    "swapped channels": _swapped_channels,
    "wrong row length": _wrong_row_length,
    "turned": _turned,
    "planar": _planar,
    "negative": _negative,
    "overflowed": _overflowed,
    "turned channels": _turned_channels,
    "not converted": _not_converted,
    "normalised": _normalised,
    "upside down": _upside_down,
    "interlaced": _interlaced,
    "byte noise": _byte_noise,
    "squeezed": _squeezed,
    "transposed": _transposed,
    "few levels": _few_levels,
    "grey": _grey,
    "hue as red": _hue_as_red,
    "one channel": _one_channel,
    "signed": _signed,
    "four as three": _four_as_three,
    "stale rows": _stale_rows,
    "tiles exchanged": _tiles_exchanged,
    "in a corner": _in_a_corner,
}
BROKEN: Mapping[str, Plant] = {
    **_BROKEN_FILES,
    **{kind: _of_pixels(harm) for kind, harm in _BROKEN_PIXELS.items()},
}
BLURRED: Mapping[str, Plant] = {
    kind: _of_pixels(harm)
    for kind, harm in {
        "gaussian": _gaussian_blur,
        "box": _box_blur,
        "shaken": _shaken,
        "shrunk": _shrunk,
        "out of focus": _out_of_focus,
        "zoomed": _zoomed,
    }.items()
}
# Kinds that no code was written for.
HELD_OUT = (
    "hue as red", "one channel", "signed", "four as three", "stale rows", "tiles exchanged", "in a corner",
    "out of focus", "zoomed",
)  # fmt: skip
