"""What a problem file says of how examples are prepared: its section `preparation`, checked key by key."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any

from components.modeling.fourier.settings import FourierSettings
from components.modeling.images.channel_statistics import Normalization
from components.modeling.images.features import ImageFeatures, ResizeMode
from components.shared.runtime.custom_code import custom_function, is_import_path
from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings import settings_from, settings_model
from components.shared.runtime.settings_text import written_settings
from components.shared.runtime.settings_words import Words
from components.shared.runtime.written_settings import shown, WrittenSettings
from components.shared.tables.table_spec import TableSpec
from components.shared.tables.value_cleaning import value_cleaning_from, value_cleaning_of, ValueCleaning

DEFAULT_POLICY = "standard"
_SECTION = "preparation"
# Not the user's key: how a table's values are cleaned stands in the problem file's section `table`.
_CLEANING = "table_values"
_IMAGES_ALONE = ("image_size", "resize", "normalization", "augmentation", "fourier")


@settings_model
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

    image_size: Annotated[int, Words("a number of pixels")] | None = None
    resize: ResizeMode | None = None
    normalization: Normalization | None = None
    augmentation: Any = None
    fourier: FourierSettings | None = None
    features: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.image_size is not None:
            # What else would not go together is said here, before anything is read.
            ImageFeatures(image_size=self.image_size, fourier=self.fourier)
        if self.features and not is_import_path(self.features):
            raise ContractError(f"features must be <package.module>:<function>, got {self.features!r}")

    def check_modality(self, modality: str) -> None:
        """Check that image settings are set for images alone; ContractError names the first that is not."""
        given = [name for name in _IMAGES_ALONE if getattr(self, name) is not None]
        if modality != "image" and given:
            raise ContractError(
                f"{_SECTION}.{given[0]} must be left out where examples are {modality}: it is for images"
            )


def preparation_settings_from(section: Mapping[str, Any] | WrittenSettings) -> PreparationSettings:
    """Read the section of a problem file.

    Raises
    ------
    ContractError
        If a key or value is unknown.
    ValueError
        If a feature function is not allowed here, or cannot be imported.
    """
    settings = settings_from(PreparationSettings, section, key=_SECTION)
    if settings.features:
        custom_function(settings.features)
    return settings


def preparation_section(section: Mapping[str, Any], table: TableSpec) -> dict[str, Any]:
    """The section as steps pass it on: with how a table's values are cleaned, where that is not the usual way."""
    cleaning = value_cleaning_of(table)
    return dict(section) if cleaning == ValueCleaning() else {**section, _CLEANING: cleaning.to_dict()}


def preparation_settings_from_text(text: str) -> PreparationSettings:
    """Read the section as JSON text, as steps pass it on; empty for nothing.

    Raises
    ------
    ContractError
        As `preparation_settings_from`, or if the text is no mapping.
    """
    content = _section_from_text(text)
    content.pop(_CLEANING, None)
    return preparation_settings_from(WrittenSettings(content=content, where="", key=_SECTION))


def value_cleaning_from_text(text: str) -> ValueCleaning:
    """How a table's values are cleaned, as the section's text says; the usual way where it says nothing.

    Raises
    ------
    ContractError
        If the text is no mapping, or says something else.
    """
    content = _section_from_text(text).get(_CLEANING)
    if content is None:
        return ValueCleaning()
    try:
        return value_cleaning_from(content)
    except (TypeError, ValueError) as error:
        raise ContractError(f"{_SECTION}.{_CLEANING}: {error}") from error


def _section_from_text(text: str) -> dict[str, Any]:
    written = written_settings(text, where="", key=_SECTION)
    content = {} if written.content is None else written.content
    if not isinstance(content, Mapping):
        raise written.error((), f"{_SECTION} must be a mapping of keys to values, got {shown(repr(content))}")
    return dict(content)
