"""Which backbone suits the data, and how images are prepared for it."""

from dataclasses import dataclass

from components.modeling.backbones import AUTO, BackboneConfig, EFFICIENTNET_LITE0, native_image_size, SMALL_CNN
from components.modeling.preprocessing import Preprocessing

_SMALL_IMAGE_PX = 64
_SMALL_CNN_SIZES_PX = (32, 96)
_EFFICIENTNET_SIZE_PX = 160


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """A backbone and the preprocessing that goes with it."""

    backbone: BackboneConfig
    preprocessing: Preprocessing


def choose_preparation(requested: str, *, median_side_px: float) -> Preparation:
    """Choose backbone and preprocessing.

    Parameters
    ----------
    requested
        `auto`, `small_cnn`, `efficientnet_lite0` or `timm:<name>`. `auto` takes the small network for images whose
        shorter side is at most 64 pixels, and pretrained, frozen EfficientNet-Lite0 for photos.
    median_side_px
        Median of the images' shorter sides, pixels.

    Returns
    -------
    Preparation
        What the feature store and the training use.

    Raises
    ------
    ContractError
        If the backbone is unknown.
    """
    name = requested
    if requested == AUTO:
        name = SMALL_CNN if median_side_px <= _SMALL_IMAGE_PX else EFFICIENTNET_LITE0
    if name == EFFICIENTNET_LITE0:
        backbone = BackboneConfig(name=name, pretrained=True, frozen=True)
        return Preparation(backbone=backbone, preprocessing=_cropped(_EFFICIENTNET_SIZE_PX))
    backbone = BackboneConfig(name=name)
    if (native := native_image_size(backbone)) is not None:
        return Preparation(backbone=backbone, preprocessing=_cropped(native))
    smallest, largest = _SMALL_CNN_SIZES_PX
    size = min(max(8 * round(median_side_px / 8), smallest), largest)
    return Preparation(backbone=backbone, preprocessing=Preprocessing(image_size=size, resize="squash"))


def _cropped(size_px: int) -> Preprocessing:
    return Preprocessing(image_size=size_px, resize="crop")
