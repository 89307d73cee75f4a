"""From an example's columns to a network's tensors: one interface for images, text and tables.

What a modality's features are fitted to (training rows only) is stored in the feature store and in the bundle, so that
training, analysis and serving prepare an example with the same code and the same numbers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TYPE_CHECKING

import numpy as np
import pyarrow as pa

from components.modeling.custom_features import custom_features_from, CustomFeatures
from components.modeling.images.features import image_features_from
from components.modeling.tabular.features import tabular_features_from, TabularFeatures
from components.modeling.text.char_ngrams import text_features_from
from components.modeling.text.fitted_subwords import fitted_subwords_from, FittedSubwords
from components.modeling.text.hugging_face_features import subword_features_from, SubwordFeatures
from components.shared.feature_store.blocks import InputSpec
from components.shared.runtime.errors import ContractError
from components.shared.tables.value_cleaning import KEPT_AS_THEY_ARE, ValueCleaning

if TYPE_CHECKING:
    import torch


class Features(Protocol):
    """How examples of one modality are prepared."""

    @property
    def modality(self) -> str:
        """`image`, `text` or `tabular`."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the example table that it reads, in order."""
        ...

    @property
    def input_specs(self) -> dict[str, InputSpec]:
        """Type and shape of every input that `prepare` returns."""
        ...

    def prepare(self, columns: Mapping[str, pa.Array]) -> dict[str, np.ndarray]:
        """Inputs of B examples from their raw values; ValueError names what cannot be used."""
        ...

    def tensors(self, inputs: "Mapping[str, torch.Tensor]") -> "tuple[torch.Tensor, ...]":
        """What the network's `forward` takes, on the device of the inputs."""
        ...

    def files(self) -> Mapping[str, bytes]:
        """Further files by name, a tokenizer for one, that travel beside the settings."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        ...


def base_features(features: Any) -> Any:
    """The features that a network is built for: those after a team's custom function, where there is one."""
    return features.base if isinstance(features, CustomFeatures) else features


def raw_column_types(features: Features) -> dict[str, pa.DataType]:
    """Raw columns of a table's features and their types, string or numeric; TypeError for other features."""
    if features.modality != "tabular" or not isinstance(features, TabularFeatures | CustomFeatures):
        raise TypeError(f"features must be those of a table, got {features.modality}")
    return dict(features.column_types)


def features_cleaning(features: Features) -> ValueCleaning:
    """How the values of a table are cleaned before its features are made; nothing is, of images and texts."""
    base = base_features(features)
    return base.cleaning if isinstance(base, TabularFeatures) else KEPT_AS_THEY_ARE


def features_from(modality: str, content: Mapping[str, Any], folder: str | Path) -> Features:
    """Read features that a feature store or a bundle holds.

    Parameters
    ----------
    modality
        `image`, `text` or `tabular`.
    content
        The settings: `preprocessing` of the store's preparation or of the bundle's config.
    folder
        The store's or bundle's folder; further files lie in its `features`.

    Raises
    ------
    ContractError
        If they cannot be used.
    ValueError
        If a team's custom function prepares examples, and is not allowed or not there.
    """
    if content.get("kind") == CustomFeatures.kind:
        return custom_features_from(content, features_from(modality, content.get("base", {}), folder))
    if modality == "image":
        return image_features_from(content)
    if modality == "tabular":
        return tabular_features_from(content)
    if modality != "text":
        raise ContractError(f"modality must be image, text or tabular, got {modality!r}")
    if content.get("kind") == SubwordFeatures.kind:
        return subword_features_from(content, folder)
    if content.get("kind") == FittedSubwords.kind:
        return fitted_subwords_from(content, folder)
    return text_features_from(content)
