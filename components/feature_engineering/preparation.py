"""Which backbone suits the data, and how examples are prepared for it; what is fitted sees training rows alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

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
    SUBWORDS,
)
from components.modeling.custom_features import CustomFeatures, Derivation, raw_types
from components.modeling.features import Features
from components.modeling.images.backbones import native_image_size
from components.modeling.images.features import DecodingMode, ImageFeatures
from components.modeling.preparation_settings import PreparationSettings
from components.modeling.tabular.features import fit_tabular_features
from components.modeling.text.char_ngrams import fit_text_features
from components.modeling.text.fitted_subwords import fit_subwords
from components.modeling.text.hugging_face_backbones import subword_backbone_config
from components.modeling.text.hugging_face_features import subword_features
from components.shared.contracts.example_table import ExampleTable
from components.shared.tables.personal_columns import kept_columns
from components.shared.tables.value_cleaning import ValueCleaning

_SMALL_IMAGE_PX = 64
_SMALL_CNN_SIZES_PX = (32, 96)
_EFFICIENTNET_SIZE_PX = 160
_FIT_BATCH_ROWS = 8192
_NOTHING_SAID = PreparationSettings()
_DEFAULT_CLEANING = ValueCleaning()
# Placeholders until the pixels are stored and their statistics known.
_ANY_MEAN, _ANY_STD = (127.5, 127.5, 127.5), (64.0, 64.0, 64.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """A backbone and the features that go with it."""

    backbone: BackboneConfig
    features: Features


def choose_preparation(
    requested: str,
    table: ExampleTable,
    settings: PreparationSettings = _NOTHING_SAID,
    cleaning: ValueCleaning = _DEFAULT_CLEANING,
) -> Preparation:
    """Choose the backbone, and fit the features that it takes to the training rows.

    `auto` takes, for images whose shorter side is at most 64 pixels, the small network, and for photos pretrained,
    frozen EfficientNet-Lite0; for text the character n-grams; for tables the multi-layer perceptron. A custom model
    gets the features that `auto` would take. The statistics of `channel` are not fitted here: the stored pixels give
    them. A model of tables carries `cleaning`, by which the table's values were cleaned. Refuses an unknown backbone,
    one that takes another modality, and an empty table.
    """
    modality = table.info.modality
    if requested != AUTO and backbone_modality(requested) not in (None, modality):
        raise ValueError(
            f"the backbone {requested} takes {backbone_modality(requested)} examples, but these are {modality}: "
            "choose another, or auto"
        )
    if not table.num_rows:
        raise ValueError("features must be built from at least one example, got an empty example table")
    if table.info.task == "regression" and modality != "tabular":
        raise ValueError(
            f"{modality} examples must have classes for labels, but these have numbers: cut them into classes"
        )
    settings.check_modality(modality)
    source = _Source(table, settings)
    if modality == "image":
        prepared = _chosen(image_preparation(requested, median_side_px=_median_side_px(table)), settings)
    elif modality == "text":
        prepared = _text_preparation(requested, source)
    else:
        prepared = _tabular_preparation(requested, source, cleaning)
    return replace(prepared, features=source.wrapped(prepared.features))


def image_preparation(requested: str, *, median_side_px: float) -> Preparation:
    """Choose backbone and features for images; see `choose_preparation`. Photos are decoded no larger than needed.

    `median_side_px` is the median of the images' shorter sides.
    """
    automatic = SMALL_CNN if median_side_px <= _SMALL_IMAGE_PX else EFFICIENTNET_LITE0
    name = automatic if requested == AUTO else requested
    decoding: DecodingMode = "full" if median_side_px <= _SMALL_IMAGE_PX else "scaled"
    is_pretrained = name == EFFICIENTNET_LITE0
    backbone = BackboneConfig(name=name, pretrained=is_pretrained, frozen=is_pretrained)
    if EFFICIENTNET_LITE0 in (name, automatic if backbone.is_custom_model else name):
        return Preparation(backbone=backbone, features=_cropped(_EFFICIENTNET_SIZE_PX, decoding))
    if (native := native_image_size(backbone)) is not None:
        return Preparation(backbone=backbone, features=_cropped(native, decoding))
    smallest, largest = _SMALL_CNN_SIZES_PX
    size = min(max(8 * round(median_side_px / 8), smallest), largest)
    return Preparation(backbone=backbone, features=ImageFeatures(image_size=size, resize="squash", decoding=decoding))


class _Source:
    """The training rows that features are fitted to: raw, or derived by a team's custom function."""

    def __init__(self, table: ExampleTable, settings: PreparationSettings) -> None:
        self._table = table
        self._settings = settings
        names = {"image": ("image",), "text": ("text",)}.get(table.info.modality) or table.info.columns_of("feature")
        self.kept = kept_columns(table.schema)
        self.types = {name: table.schema.field(name).type for name in names}
        self._raw_types = raw_types(table.schema, names)
        self._derivation = (
            Derivation(settings.features, settings.options, self._raw_types) if settings.features else None
        )

    def batches(self) -> Iterator[dict[str, pa.Array]]:
        """Columns of the training rows, a batch after the other."""
        raw = self._raw_batches()
        return raw if self._derivation is None else self._derivation.over(raw)

    def derived_types(self) -> dict[str, pa.DataType]:
        """Types of the columns that features are fitted to."""
        if self._derivation is None:
            return self.types
        first = next(self.batches(), None)
        if first is None:
            raise ValueError("features must be fitted to at least one training example, got none")
        return {name: column.type for name, column in first.items()}

    def wrapped(self, features: Features) -> Features:
        """Features that take raw columns."""
        if self._derivation is None:
            return features
        return CustomFeatures(self._settings.features, self._settings.options, self._raw_types, features)

    def _raw_batches(self) -> Iterator[dict[str, pa.Array]]:
        names = tuple(self.types)
        for batch in self._table.iter_batches(names, splits=["train"], batch_rows=_FIT_BATCH_ROWS):
            yield {name: batch.column(number) for number, name in enumerate(names)}


def _text_preparation(requested: str, source: _Source) -> Preparation:
    if requested.startswith(HUGGING_FACE_PREFIX):
        backbone = subword_backbone_config(requested)
        return Preparation(backbone=backbone, features=subword_features(requested))
    name = CHAR_NGRAMS if requested == AUTO else requested
    texts = (columns["text"] for columns in source.batches())
    features = fit_subwords(texts) if name == SUBWORDS else fit_text_features(texts)
    return Preparation(backbone=BackboneConfig(name=name), features=features)


def _tabular_preparation(requested: str, source: _Source, cleaning: ValueCleaning) -> Preparation:
    name = MLP if requested == AUTO else requested
    features = fit_tabular_features(source.batches(), source.derived_types(), cleaning, kept=source.kept)
    return Preparation(backbone=BackboneConfig(name=name), features=features)


def _chosen(prepared: Preparation, settings: PreparationSettings) -> Preparation:
    """Images as the problem file wants them."""
    chosen = {name: getattr(settings, name) for name in ("image_size", "resize", "normalization", "fourier")}
    given: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
    if given.get("normalization") == "channel":
        given |= {"channel_mean": _ANY_MEAN, "channel_std": _ANY_STD}
    assert isinstance(prepared.features, ImageFeatures)
    return replace(prepared, features=replace(prepared.features, **given))


def _cropped(size_px: int, decoding: DecodingMode) -> ImageFeatures:
    return ImageFeatures(image_size=size_px, resize="crop", decoding=decoding)


def _median_side_px(table: ExampleTable) -> float:
    sizes = table.read(["image_width", "image_height"])
    return float(np.median(np.minimum(sizes.column(0).to_numpy(), sizes.column(1).to_numpy())))
