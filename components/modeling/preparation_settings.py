"""What a problem file says of how examples are prepared: its section `preparation`, checked key by key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
import json
from typing import Any, get_args

from components.modeling.fourier.settings import fourier_settings_from, FourierSettings
from components.modeling.images.features import ImageFeatures, ResizeMode
from components.modeling.images.normalization import Normalization
from components.shared.runtime.custom_code import custom_function, is_import_path
from components.shared.runtime.errors import ContractError
from components.shared.tables.table_spec import TableSpec
from components.shared.tables.value_cleaning import value_cleaning_from, value_cleaning_of, ValueCleaning

DEFAULT_POLICY = "standard"
_SECTION = "preparation"
# Not the user's key: how a table's values are cleaned stands in the problem file's section `table`.
_CLEANING = "table_values"
_IMAGES_ALONE = ("image_size", "resize", "normalization", "augmentation", "fourier")


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparationSettings:
    """How examples are prepared; None leaves the choice to the data and the backbone.

    Attributes
    ----------
    image_size
        Side of the square that the model sees, pixels.
    augmentation
        An augmentation policy: its name, its content, or the path or URI of its file.
    fourier
        A frequency filter, and the radial power spectrum as a further input.
    features
        A team's custom feature function, `<package.module>:<function>`; empty for none.
    options
        What that function is told.
    """

    image_size: int | None = None
    resize: ResizeMode | None = None
    normalization: Normalization | None = None
    augmentation: str | Mapping[str, Any] | Sequence[Any] | None = None
    fourier: FourierSettings | None = None
    features: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def check_modality(self, modality: str) -> None:
        """Check that image settings are set for images alone; ContractError names the first that is not."""
        given = [name for name in _IMAGES_ALONE if getattr(self, name) is not None]
        if modality != "image" and given:
            raise ContractError(
                f"{_SECTION}.{given[0]} must be left out where examples are {modality}: it is for images"
            )


def preparation_settings_from(content: Mapping[str, Any]) -> PreparationSettings:
    """Read the section of a problem file.

    Raises
    ------
    ContractError
        If a key or value is unknown.
    ValueError
        If a feature function is not allowed here, or cannot be imported.
    """
    known = [item.name for item in fields(PreparationSettings)]
    unknown = [name for name in content if name not in known]
    if unknown:
        raise ContractError(f"unknown key '{_SECTION}.{unknown[0]}'; known keys are {', '.join(known)}")
    values = {name: value for name, value in content.items() if value is not None}
    _check_size(values.get("image_size"))
    for name, choices in (("resize", get_args(ResizeMode)), ("normalization", get_args(Normalization))):
        if name in values and values[name] not in choices:
            raise ContractError(f"{_SECTION}.{name} must be one of {', '.join(choices)}, got {values[name]!r}")
    for name in ("fourier", "options"):
        if not isinstance(values.get(name, {}), Mapping):
            raise ContractError(f"{_SECTION}.{name} must be a mapping, got {values[name]!r}")
    if "fourier" in values:
        values["fourier"] = fourier_settings_from(values["fourier"])
    if "image_size" in values:
        # What else would not go together is said here, before anything is read.
        ImageFeatures(image_size=values["image_size"], fourier=values.get("fourier"))
    function = values.get("features", "")
    if function and not is_import_path(function):
        raise ContractError(f"{_SECTION}.features must be <package.module>:<function>, got {function!r}")
    if function:
        custom_function(function)
    return PreparationSettings(**values)


def _check_size(size: Any) -> None:
    if size is not None and (not isinstance(size, int) or isinstance(size, bool)):
        raise ContractError(f"{_SECTION}.image_size must be a number of pixels, got {size!r}")


def preparation_section(section: Mapping[str, Any], table: TableSpec) -> dict[str, Any]:
    """The section as steps pass it on: with how a table's values are cleaned, where that is not the usual way."""
    cleaning = value_cleaning_of(table)
    return dict(section) if cleaning == ValueCleaning() else {**section, _CLEANING: cleaning.to_dict()}


def preparation_settings_from_text(text: str) -> PreparationSettings:
    """Read the section as JSON text, as steps pass it on; empty for nothing.

    Raises
    ------
    ContractError
        As `preparation_settings_from`, or if the text is no JSON object.
    """
    content = _section_from_text(text)
    content.pop(_CLEANING, None)
    return preparation_settings_from(content)


def value_cleaning_from_text(text: str) -> ValueCleaning:
    """How a table's values are cleaned, as the section's JSON text says; the usual way where it says nothing.

    Raises
    ------
    ContractError
        If the text is no JSON object, or says something else.
    """
    content = _section_from_text(text).get(_CLEANING)
    if content is None:
        return ValueCleaning()
    try:
        return value_cleaning_from(content)
    except (TypeError, ValueError) as error:
        raise ContractError(f"{_SECTION}.{_CLEANING}: {error}") from error


def _section_from_text(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise ContractError(f"{_SECTION} must be JSON, got {text!r}: {error}") from error
    if not isinstance(content, dict):
        raise ContractError(f"{_SECTION} must be a JSON object, got {text!r}")
    return content
