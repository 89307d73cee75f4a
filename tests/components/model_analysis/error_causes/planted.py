"""Sets with planted causes of errors, and their healthy twins, from data that libraries carry.

Photos are patches of the two photos of scikit-learn (a temple, a flower), digits, or made-up textures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

from components.mock_data.measure_facts import MeasureFacts
from components.mock_data.mock_images import mock_images
from tests.components.model_analysis.error_causes.plants import BLURRED, BROKEN, decoded, encoded

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
