"""Contact sheets: stored images beside what an augmentation policy, and each of its transforms alone, makes of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from components.modeling.augmentation.augmenter import Augmenter
from components.modeling.augmentation.example_seeds import example_seed
from components.modeling.augmentation.named_policies import single_transforms
from components.modeling.images.decoding import encode_png
from components.reporting.page import Picture
from components.shared.feature_store.store import FeatureStore

_NUM_ORIGINALS = 3
_NUM_VARIANTS = 6
_SIDE_PX = 96


def evenly_spread_images(store: FeatureStore, count: int) -> list[tuple[int, np.ndarray]]:
    """Rows and images (H, W, C) evenly spread over the training split, at most `count`."""
    rows = store.indices("train")
    if not len(rows):
        return []
    chosen = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]
    return list(zip(chosen.tolist(), store.gather(chosen)["image"], strict=True))


def contact_sheet(store: FeatureStore, augmenter: Augmenter) -> list[list[Picture]]:
    """Up to three originals, evenly spread over the training split, each followed by six variants of it.

    A variant's caption names the transforms that were drawn for it.
    """
    rows = []
    for row, image_HWC in evenly_spread_images(store, _NUM_ORIGINALS):
        name = store.class_names[store.labels[row]]
        pictures = [_picture(image_HWC, f"{name}, as stored")]
        for variant in range(_NUM_VARIANTS):
            augmented_HWC, applied = augmenter.applied(image_HWC, seed=_seed(row, variant))
            pictures.append(_picture(augmented_HWC, f"{name}: {', '.join(applied) or 'nothing drawn'}"))
        rows.append(pictures)
    return rows


def transform_sheet(store: FeatureStore, policy: Mapping[str, Any]) -> list[list[Picture]]:
    """For each transform, applied alone and always: one original and six variants; none without training examples."""
    rows = []
    for row, image_HWC in evenly_spread_images(store, 1):
        for name, single in single_transforms(dict(policy)):
            augmenter = Augmenter(single)
            pictures = [_picture(image_HWC, "as stored")]
            for variant in range(_NUM_VARIANTS):
                augmented_HWC = augmenter(image_HWC, seed=_seed(row, variant))
                pictures.append(_picture(augmented_HWC, f"{name} {variant + 1}"))
            rows.append(pictures)
    return rows


def _seed(row: int, variant: int) -> int:
    return example_seed(seed=0, epoch=variant, row=row)


def _picture(image_HWC: np.ndarray, caption: str) -> Picture:
    thumbnail = np.asarray(Image.fromarray(image_HWC).resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BILINEAR))
    return Picture(data=encode_png(thumbnail), caption=caption, alternative=f"an example, {caption}")
