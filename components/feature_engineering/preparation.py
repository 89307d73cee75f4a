"""Which backbone suits the data, and how examples are prepared for it; what is fitted sees training rows alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.modeling.backbone_config import (
    AUTO,
    backbone_modality,
    BackboneConfig,
    CHAR_NGRAMS,
    EFFICIENTNET_LITE0,
    HUGGING_FACE_PREFIX,
    MLP,
    SMALL_CNN,
)
from components.modeling.features import Features
from components.modeling.image_backbones import native_image_size
from components.modeling.image_features import ImageFeatures
from components.modeling.subword_backbones import subword_backbone_config
from components.modeling.subword_features import subword_features
from components.modeling.tabular_features import fit_tabular_features
from components.modeling.text_features import fit_text_features
from components.shared.example_table import ExampleTable

_SMALL_IMAGE_PX = 64
_SMALL_CNN_SIZES_PX = (32, 96)
_EFFICIENTNET_SIZE_PX = 160
_FIT_BATCH_ROWS = 8192


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """A backbone and the features that go with it."""

    backbone: BackboneConfig
    features: Features


def choose_preparation(requested: str, table: ExampleTable) -> Preparation:
    """Choose the backbone, and fit the features that it takes to the training rows.

    Parameters
    ----------
    requested
        `auto`, a backbone that takes the table's modality, or a model of one's own. `auto` takes, for images whose
        shorter side is at most 64 pixels, the small network, and for photos pretrained, frozen EfficientNet-Lite0; for
        text the character n-grams; for tables the multi-layer perceptron. A model of one's own gets the features that
        `auto` would take.
    table
        The examples.

    Returns
    -------
    Preparation
        What the feature store and the training use.

    Raises
    ------
    ValueError
        If the backbone is unknown or takes another modality, or there is nothing to fit to.
    """
    modality = table.info.modality
    if requested != AUTO and backbone_modality(requested) not in (None, modality):
        raise ValueError(
            f"the backbone {requested} takes {backbone_modality(requested)} examples, but these are {modality}: "
            "choose another, or auto"
        )
    if not table.num_rows:
        raise ValueError("features must be built from at least one example, got an empty example table")
    if modality == "image":
        return image_preparation(requested, median_side_px=_median_side_px(table))
    if modality == "text":
        return _text_preparation(requested, table)
    columns = {name: table.schema.field(name).type for name in table.info.columns_of("feature")}
    features = fit_tabular_features(_training_columns(table, tuple(columns)), columns)
    return Preparation(backbone=BackboneConfig(name=MLP if requested == AUTO else requested), features=features)


def image_preparation(requested: str, *, median_side_px: float) -> Preparation:
    """Choose backbone and features for images; see `choose_preparation`.

    Parameters
    ----------
    requested
        `auto`, a backbone for images, or a model of one's own.
    median_side_px
        Median of the images' shorter sides, pixels.

    Raises
    ------
    ContractError
        If the backbone is unknown.
    """
    automatic = SMALL_CNN if median_side_px <= _SMALL_IMAGE_PX else EFFICIENTNET_LITE0
    name = automatic if requested == AUTO else requested
    is_pretrained = name == EFFICIENTNET_LITE0
    backbone = BackboneConfig(name=name, pretrained=is_pretrained, frozen=is_pretrained)
    if EFFICIENTNET_LITE0 in (name, automatic if backbone.is_own_model else name):
        return Preparation(backbone=backbone, features=_cropped(_EFFICIENTNET_SIZE_PX))
    if (native := native_image_size(backbone)) is not None:
        return Preparation(backbone=backbone, features=_cropped(native))
    smallest, largest = _SMALL_CNN_SIZES_PX
    size = min(max(8 * round(median_side_px / 8), smallest), largest)
    return Preparation(backbone=backbone, features=ImageFeatures(image_size=size, resize="squash"))


def _text_preparation(requested: str, table: ExampleTable) -> Preparation:
    if requested.startswith(HUGGING_FACE_PREFIX):
        backbone = subword_backbone_config(requested)
        return Preparation(backbone=backbone, features=subword_features(requested))
    texts = (columns["text"] for columns in _training_columns(table, ("text",)))
    name = CHAR_NGRAMS if requested == AUTO else requested
    return Preparation(backbone=BackboneConfig(name=name), features=fit_text_features(texts))


def _training_columns(table: ExampleTable, columns: tuple[str, ...]) -> Iterator[dict[str, pa.Array]]:
    for batch in table.iter_batches(columns, splits=["train"], batch_rows=_FIT_BATCH_ROWS):
        yield {name: batch.column(number) for number, name in enumerate(columns)}


def _cropped(size_px: int) -> ImageFeatures:
    return ImageFeatures(image_size=size_px, resize="crop")


def _median_side_px(table: ExampleTable) -> float:
    sizes = table.read(["image_width", "image_height"])
    return float(np.median(np.minimum(sizes.column(0).to_numpy(), sizes.column(1).to_numpy())))
