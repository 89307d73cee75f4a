"""Noisy images whose texture shows the class: stripes, checks, rings, dots, coarse or fine; never the mean colour.

Shapes: H height, W width, C channels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
import io
import math

import numpy as np
from PIL import Image

from components.mock_data.measure_facts import MeasureFacts
from components.mock_data.planted_signal import coupled

_SIZES_PX = (48, 96)
_WIDEST_PX_WITHOUT_STATISTICS = 256
_BRIGHTNESS = (0.4, 0.6)
_CONTRAST = (0.12, 0.2)
_QUALITY = 90
_LEVEL_MARGIN = 0.02
_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "BMP": ".bmp", "WEBP": ".webp"}
_CHANNELS = (1, 3)
# Cycles across the image; every kind of texture is used with one before the next.
_CYCLES = (4.0, 8.0, 2.0, 12.0, 6.0, 16.0)
# Share of the variance that is texture; the rest is light and noise.
_TEXTURE_SHARE = 0.55
_LIGHT_SHARE = 0.1
_DEVIATIONS_KEPT = 2.2
_LUMA = np.array([0.299, 0.587, 0.114])
_TINT = 0.06

# Each takes coordinates in turns of a full circle.
_TEXTURES: tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], ...] = (
    lambda x, y: np.sin(y),
    lambda x, y: np.sin(x),
    lambda x, y: np.sign(np.sin(x) * np.sin(y)),
    lambda x, y: np.sin(np.hypot(x, y)),
    lambda x, y: np.maximum(np.cos(x) + np.cos(y) - 0.5, 0.0),
    lambda x, y: np.sin(np.abs(x) + np.abs(y)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class MockImage:
    """An encoded image, and its name's suffix (`.png` ...)."""

    data: bytes
    suffix: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """What an image should measure."""

    width: int
    height: int
    channels: int
    file_format: str
    brightness: float
    contrast: float


def mock_images(
    shown: np.ndarray, num_classes: int, facts: MeasureFacts, rng: np.random.Generator
) -> Iterator[MockImage]:
    """Paint N images, one for each class in `shown`, shape (N,), int.

    Sizes, channels and format keep to the schema always; brightness and contrast nearly. Refuses more than 36 classes,
    and a schema without a format or number of channels that can be made.
    """
    if num_classes > len(_TEXTURES) * len(_CYCLES):
        raise ValueError(
            f"the label must have at most {len(_TEXTURES) * len(_CYCLES)} classes, which so many textures tell apart, "
            f"got {num_classes}"
        )
    for look, shown_class in zip(_looks(len(shown), facts, rng), shown.tolist(), strict=True):
        yield _encoded(_pixels(look, shown_class, rng), look)


def _looks(num_rows: int, facts: MeasureFacts, rng: np.random.Generator) -> list[_Look]:
    widths = _sizes("image_width", num_rows, facts, rng)
    scores = np.array(widths) * rng.uniform(0.8, 1.25, num_rows)
    heights = coupled(_sizes("image_height", num_rows, facts, rng), scores)
    channels = _channels(num_rows, facts, rng)
    formats = _formats(num_rows, facts, rng)
    brightness = _levels("brightness", _BRIGHTNESS, num_rows, facts, rng)
    contrast = _levels("contrast", _CONTRAST, num_rows, facts, rng)
    least_contrast = facts.rule("contrast").low or 0.0
    return [
        _Look(
            width=widths[row],
            height=int(heights[row]),
            channels=channels[row],
            file_format=formats[row],
            brightness=brightness[row],
            contrast=max(min(contrast[row], _most_contrast(brightness[row])), least_contrast),
        )
        for row in range(num_rows)
    ]


def _most_contrast(brightness: float) -> float:
    """The contrast above which black or white is cut off, which would change the brightness."""
    return min(brightness, 1.0 - brightness) / _DEVIATIONS_KEPT


def _sizes(name: str, num_rows: int, facts: MeasureFacts, rng: np.random.Generator) -> list[int]:
    rule = facts.rule(name)
    rule = replace(rule, low=None if rule.low is None else max(rule.low, 1))
    if not facts.is_known(name):
        rule = rule.narrowed(*_SIZES_PX, widest=_WIDEST_PX_WITHOUT_STATISTICS)
    return [int(value) for value in facts.draw(rule, rng, num_rows)]


def _levels(
    name: str, default: tuple[float, float], num_rows: int, facts: MeasureFacts, rng: np.random.Generator
) -> list[float]:
    rule = facts.rule(name)
    if not facts.is_known(name):
        rule = rule.narrowed(*default, widest=default[1])
    if rule.low is not None and rule.high is not None:
        # Away from the bounds: what ingestion measures differs a little.
        margin = min(_LEVEL_MARGIN, (rule.high - rule.low) / 4)
        rule = replace(rule, low=rule.low + margin, high=rule.high - margin)
    return [float(value) for value in facts.draw(rule, rng, num_rows)]


def _channels(num_rows: int, facts: MeasureFacts, rng: np.random.Generator) -> list[int]:
    rule = facts.rule("image_channels")
    possible = [channels for channels in _CHANNELS if rule.within(channels) == channels]
    if not possible:
        raise ValueError(
            f"image_channels must allow one of {_CHANNELS}, but the schema allows {rule.low} to {rule.high}"
        )
    if not facts.is_known("image_channels"):
        return [possible[-1]] * num_rows
    drawn = facts.draw(rule, rng, num_rows)
    return [min(possible, key=lambda channels: abs(channels - int(value))) for value in drawn]


def _formats(num_rows: int, facts: MeasureFacts, rng: np.random.Generator) -> list[str]:
    rule = facts.rule("image_format")
    possible = [name for name in _SUFFIXES if rule.values is None or name in rule.values]
    if not possible:
        raise ValueError(f"image_format must list one of {', '.join(_SUFFIXES)}, but the schema lists {rule.values}")
    known = facts.statistics["image_format"].counts if "image_format" in facts.statistics else {}
    weights = np.array([known.get(name, 0.0) for name in possible])
    if not weights.sum():
        return [possible[0]] * num_rows
    codes = rng.choice(len(possible), size=num_rows, p=weights / weights.sum())
    return [possible[code] for code in codes.tolist()]


def _pixels(look: _Look, shown_class: int, rng: np.random.Generator) -> np.ndarray:
    """Shape (H, W, 3), or (H, W) where there is one channel; uint8."""
    shape = (look.height, look.width)
    across, down = np.meshgrid(np.linspace(-0.5, 0.5, look.width), np.linspace(-0.5, 0.5, look.height))
    texture_HW = _texture(shown_class, across, down, min(shape), rng)
    slope = rng.normal(size=2)
    light_HW = slope[0] * across + slope[1] * down
    parts = (_TEXTURE_SHARE, _standard(texture_HW)), (_LIGHT_SHARE, _standard(light_HW))
    noise_HW = rng.standard_normal(shape) * math.sqrt(1 - _TEXTURE_SHARE - _LIGHT_SHARE)
    mixed_HW = sum(math.sqrt(share) * part_HW for share, part_HW in parts) + noise_HW
    levels_HW = look.brightness + look.contrast * _standard(np.clip(mixed_HW, -_DEVIATIONS_KEPT, _DEVIATIONS_KEPT))
    if look.channels == 1:
        return _as_bytes(levels_HW)
    tint = rng.normal(size=3) * _TINT
    # A tint without luminance: grey stays what it was.
    return _as_bytes(levels_HW[..., None] + tint - tint @ _LUMA)


def _texture(
    shown_class: int, across: np.ndarray, down: np.ndarray, shorter_px: int, rng: np.random.Generator
) -> np.ndarray:
    kind, level = shown_class % len(_TEXTURES), shown_class // len(_TEXTURES)
    # A cycle of fewer than four pixels cannot be seen.
    cycles = min(_CYCLES[level], max(shorter_px / 4, 1.0)) * rng.uniform(0.92, 1.08)
    turn = math.radians(rng.uniform(-6.0, 6.0))
    x = across * math.cos(turn) - down * math.sin(turn) + rng.uniform(-0.25, 0.25)
    y = across * math.sin(turn) + down * math.cos(turn) + rng.uniform(-0.25, 0.25)
    texture: np.ndarray = _TEXTURES[kind](2 * math.pi * cycles * x, 2 * math.pi * cycles * y)
    return texture


def _standard(values: np.ndarray) -> np.ndarray:
    deviation = values.std()
    return (values - values.mean()) / deviation if deviation > 0 else np.zeros_like(values)


def _as_bytes(levels: np.ndarray) -> np.ndarray:
    return np.rint(levels.clip(0.0, 1.0) * 255).astype(np.uint8)


def _encoded(pixels: np.ndarray, look: _Look) -> MockImage:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=look.file_format, quality=_QUALITY)
    return MockImage(data=buffer.getvalue(), suffix=_SUFFIXES[look.file_format])
