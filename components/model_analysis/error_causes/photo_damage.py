"""Photos damaged on purpose: what broken processing, or a bad photo, would make of the training photos of a set.

Shapes: H height, W width, pixels of the shape (H, W, 3), uint8.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import io

import numpy as np
from PIL import Image, ImageFile, ImageFilter

from components.model_analysis.error_causes.cause_names import BROKEN_PROCESSING, POOR_INPUT

Damage = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownDamage:
    """A way in which a photo is damaged: the cause that it stands for, and the words that describe it."""

    cause: str
    words: str
    damage: Damage


def _cut_short(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The end of the file is missing: grey, black or white from a row on, sometimes from within a row."""
    damaged = pixels.copy()
    first = int(rng.uniform(0.1, 0.75) * len(pixels))
    fill = int(rng.choice([0, 128, 128, 128, 255]))
    damaged[first:] = fill
    damaged[max(first - len(pixels) // 12, 0) : first, int(rng.uniform(0, 1) * pixels.shape[1]) :] = fill
    return damaged


def _garbled(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bytes of the coded file are wrong, and a decoder goes on nevertheless."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=90)
    data = bytearray(buffer.getvalue())
    start = data.index(b"\xff\xda") + 14
    for place in rng.integers(start, max(len(data) - 2, start + 1), int(rng.integers(2, 9))):
        data[place] = int(rng.integers(0, 255))
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB"))
    except (OSError, SyntaxError, ValueError):
        return _cut_short(pixels, rng)
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _torn(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows were read with another length than they were written."""
    height, width, channels = pixels.shape
    other = width + int(rng.choice([-1, 1])) * int(rng.integers(1, max(width // 3, 2)))
    return np.resize(pixels.reshape(-1, channels), (height * other, channels)).reshape(height, other, channels)[
        :, np.minimum(np.arange(width), other - 1)
    ]


def _planes_mixed(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colours stored one after the other were read as one pixel after the other, or the reverse."""
    height, width, channels = pixels.shape
    if rng.random() < 0.5:
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)).reshape(pixels.shape)
    return np.ascontiguousarray(pixels.reshape(channels, height, width).transpose(1, 2, 0))


def _channels_swapped(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mostly red and blue, else any other order."""
    orders = [[2, 1, 0], [2, 1, 0], [2, 1, 0], [1, 2, 0], [2, 0, 1], [0, 2, 1], [1, 0, 2]]
    return np.ascontiguousarray(pixels[..., orders[int(rng.integers(len(orders)))]])


def _not_converted(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness and colour differences taken for red, green and blue, or the reverse."""
    one, other = ("RGB", "YCbCr") if rng.random() < 0.7 else ("YCbCr", "RGB")
    return np.asarray(Image.frombuffer(one, (pixels.shape[1], pixels.shape[0]), pixels.tobytes()).convert(other))


def _grey(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One channel read three times, or colours lost."""
    channel = int(rng.integers(0, 4))
    lost = pixels.mean(axis=2).astype(np.uint8) if channel == 3 else pixels[..., channel]
    return np.repeat(lost[..., None], 3, axis=2)


def _turned(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """By a quarter, a half or three quarters; upside down; rows read as columns."""
    way = int(rng.integers(1, 6))
    if way < 4:
        return np.ascontiguousarray(np.rot90(pixels, way))
    return np.ascontiguousarray(pixels[::-1] if way == 4 else pixels.transpose(1, 0, 2))


def _squeezed(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brought to another form: it fills a band, the rest is empty."""
    turned = pixels if rng.random() < 0.7 else pixels.transpose(1, 0, 2)
    height, width = turned.shape[:2]
    part = max(int(rng.uniform(0.15, 0.5) * height), 2)
    found = np.full_like(turned, int(rng.choice([0, 0, 128, 255])))
    first = int(rng.choice([0, (height - part) // 2, height - part]))
    found[first : first + part] = np.asarray(Image.fromarray(np.ascontiguousarray(turned)).resize((width, part)))
    return np.ascontiguousarray(found if turned is pixels else found.transpose(1, 0, 2))


def _rows_missing(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every other row, or group of rows, was not written."""
    step = int(rng.integers(1, max(len(pixels) // 12, 2)))
    found = pixels.copy()
    found[(np.arange(len(pixels)) // step) % 2 == int(rng.integers(2))] = int(rng.choice([0, 0, 128, 255]))
    return found


def _bytes_wrong(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some of the numbers are any number."""
    is_wrong = rng.random(pixels.shape) < rng.uniform(0.03, 0.4)
    return np.where(is_wrong, rng.integers(0, 256, pixels.shape), pixels).astype(np.uint8)


def _few_levels(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Only the highest bits are left."""
    levels = int(rng.integers(1, 5))
    return (np.round(pixels / 255 * levels) / levels * 255).astype(np.uint8)


def _negative(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 255 - pixels


def _wrapped(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Numbers too large for 8 bits began again at 0."""
    return (pixels.astype(np.float64) * rng.uniform(1.5, 4.0) + rng.uniform(0, 60)).astype(np.int64).astype(np.uint8)


def _scaled_away(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scaled once too often or too little: nearly all black, nearly all white, two levels, or about zero."""
    kind = rng.integers(0, 4)
    if kind == 2:
        return np.where(pixels > rng.integers(90, 160), 255, 0).astype(np.uint8)
    if kind == 3:
        return np.clip((pixels - pixels.mean()) / max(float(pixels.std()), 1.0) * 255, 0, 255).astype(np.uint8)
    return np.clip(pixels * 0.02 if kind else pixels * 12.0 + 40, 0, 255).astype(np.uint8)


def _blurred(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    image, side = Image.fromarray(pixels), min(pixels.shape[:2])
    kind = rng.integers(0, 3)
    if kind == 0:
        return np.asarray(image.filter(ImageFilter.GaussianBlur(rng.uniform(0.025, 0.09) * side)))
    if kind == 1:
        return np.asarray(image.filter(ImageFilter.BoxBlur(rng.uniform(0.04, 0.13) * side)))
    return _moved(pixels, rng)


def _moved(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blurred along a line, as by a hand that moved."""
    length = max(int(rng.uniform(0.12, 0.32) * min(pixels.shape[:2])), 3)
    angle = rng.uniform(0, np.pi)
    steps = np.arange(length) - length // 2
    rows = [(round(float(step * np.sin(angle))), round(float(step * np.cos(angle)))) for step in steps]
    return np.mean([np.roll(pixels, shift, axis=(0, 1)) for shift in rows], axis=0).astype(np.uint8)


def _too_small(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    image, side = Image.fromarray(pixels), max(int(rng.uniform(0.08, 0.2) * min(pixels.shape[:2])), 3)
    method = [Image.Resampling.NEAREST, Image.Resampling.BILINEAR][int(rng.integers(0, 2))]
    return np.asarray(image.resize((side, side), Image.Resampling.BOX).resize(image.size, method))


def _dark(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(pixels * rng.uniform(0.06, 0.3), 0, 255).astype(np.uint8)


def _too_bright(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(pixels * rng.uniform(1.8, 3.5) + rng.uniform(20, 80), 0, 255).astype(np.uint8)


def _pale(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    middle = rng.uniform(90, 180)
    return np.clip(middle + (pixels - middle) * rng.uniform(0.08, 0.25), 0, 255).astype(np.uint8)


def _noisy(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(0, rng.uniform(35, 90), pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


DAMAGES: Mapping[str, KnownDamage] = {
    name: KnownDamage(cause=cause, words=words, damage=damage)
    for name, cause, words, damage in (
        ("cut_short", BROKEN_PROCESSING, "a part of it is one flat colour, as where a file ends too early", _cut_short),
        ("garbled", BROKEN_PROCESSING, "blocks and colours jump, as where bytes of the file are wrong", _garbled),
        ("torn", BROKEN_PROCESSING, "rows do not go on where they should, as when read with a wrong length", _torn),
        ("planes_mixed", BROKEN_PROCESSING, "colours and places are mixed up, as planes read as pixels", _planes_mixed),
        ("channels_swapped", BROKEN_PROCESSING, "its colours look exchanged, as red and blue", _channels_swapped),
        ("not_converted", BROKEN_PROCESSING, "brightness looks taken for a colour", _not_converted),
        ("grey", BROKEN_PROCESSING, "it has lost its colours", _grey),
        ("turned", BROKEN_PROCESSING, "it looks turned or upside down", _turned),
        ("squeezed", BROKEN_PROCESSING, "it fills a band of its frame only, as brought to a wrong size", _squeezed),
        ("rows_missing", BROKEN_PROCESSING, "rows are missing at equal distances", _rows_missing),
        ("bytes_wrong", BROKEN_PROCESSING, "single pixels jump, as where bytes are wrong", _bytes_wrong),
        ("few_levels", BROKEN_PROCESSING, "it has only a few levels of each colour", _few_levels),
        ("negative", BROKEN_PROCESSING, "light and dark look swapped", _negative),
        ("wrapped", BROKEN_PROCESSING, "bright places have turned dark, as where 8 bits overflow", _wrapped),
        ("scaled_away", BROKEN_PROCESSING, "nearly everything is black or white, as when scaled twice", _scaled_away),
        ("blurred", POOR_INPUT, "it is blurred", _blurred),
        ("too_small", POOR_INPUT, "it has far fewer pixels than it seems", _too_small),
        ("dark", POOR_INPUT, "it is dark", _dark),
        ("too_bright", POOR_INPUT, "it is overexposed", _too_bright),
        ("pale", POOR_INPUT, "it has hardly any contrast", _pale),
        ("noisy", POOR_INPUT, "it is noisy", _noisy),
    )
}
