"""A contact sheet: stored images beside what augmentation makes of them."""

import numpy as np
from PIL import Image

from components.modeling.augmentation import Augmenter, example_seed
from components.modeling.image_decoding import encode_png
from components.reporting.page import Picture
from components.shared.feature_store import FeatureStore

_NUM_ORIGINALS = 4
_NUM_VARIANTS = 3
_SIDE_PX = 96


def contact_sheet(store: FeatureStore, augmenter: Augmenter) -> list[Picture]:
    """Originals from the training split, evenly spread, each followed by its variants.

    Parameters
    ----------
    store
        The feature store.
    augmenter
        The policy.

    Returns
    -------
    list of Picture
        Four originals with three variants each; fewer where the split is smaller.
    """
    rows = store.indices("train")
    chosen = rows[np.linspace(0, len(rows) - 1, min(_NUM_ORIGINALS, len(rows))).astype(int)] if len(rows) else rows
    pictures = []
    for row, image_HWC in zip(chosen.tolist(), store.gather(chosen)["image"], strict=True):
        name = store.class_names[store.labels[row]]
        pictures.append(_picture(image_HWC, name, "as stored"))
        for variant in range(_NUM_VARIANTS):
            augmented = augmenter(image_HWC, seed=example_seed(seed=0, epoch=variant, row=row))
            pictures.append(_picture(augmented, name, f"variant {variant + 1}"))
    return pictures


def _picture(image_HWC: np.ndarray, name: str, what: str) -> Picture:
    thumbnail = np.asarray(Image.fromarray(image_HWC).resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BILINEAR))
    return Picture(data=encode_png(thumbnail), caption=f"{name}, {what}", alternative=f"an example of {name}, {what}")
