"""Photos of nothing that a model of photos knows: spots, pages of writing, drawings."""

import numpy as np
from PIL import Image, ImageDraw

from tests.components.model_analysis.error_causes.plants import encoded


def noise_files(num: int, rng: np.random.Generator) -> list[bytes]:
    """Photos of nothing that a camera sees: coloured spots of several sizes."""
    files = []
    for _ in range(num):
        small = rng.integers(0, 256, (int(rng.integers(3, 16)),) * 2 + (3,)).astype(np.uint8)
        files.append(encoded(np.asarray(Image.fromarray(small).resize((64, 64), Image.Resampling.NEAREST))))
    return files


def page_files(num: int, rng: np.random.Generator) -> list[bytes]:
    """Pages of writing: dark letters on light paper."""
    files = []
    for _ in range(num):
        paper, ink = int(rng.integers(225, 256)), int(rng.integers(0, 70))
        page = Image.new("RGB", (160, 160), (paper, paper, paper - int(rng.integers(0, 25))))
        draw, left = ImageDraw.Draw(page), int(rng.integers(4, 20))
        for top in range(int(rng.integers(4, 16)), 150, int(rng.integers(11, 18))):
            letters = "".join(rng.choice([*"abcdefghijklmnoprstuvw    "], int(rng.integers(8, 26))))
            draw.text((left, top), letters, fill=(ink, ink, ink))
        files.append(encoded(np.asarray(page)))
    return files


def drawing_files(num: int, rng: np.random.Generator) -> list[bytes]:
    """Drawings: filled shapes of a few plain colours on a plain ground."""
    files = []
    for _ in range(num):
        page = Image.new("RGB", (160, 160), tuple(int(level) for level in rng.integers(120, 256, 3)))
        draw = ImageDraw.Draw(page)
        for _ in range(int(rng.integers(3, 9))):
            (left, right), (top, bottom) = np.sort(rng.integers(0, 160, (2, 2)), axis=1).tolist()
            colour = tuple(int(level) for level in rng.integers(0, 256, 3))
            shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
            shape((left, top, right + 4, bottom + 4), fill=colour, outline=(0, 0, 0))
        files.append(encoded(np.asarray(page)))
    return files
