"""Preprocessing: from encoded bytes to what a model eats, the same code for training and serving.

Shapes: B examples, H height, W width, C channels.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args, Literal

import numpy as np
from PIL import Image
import torch

from components.modeling.image_decoding import decode_image
from components.shared.errors import ContractError

Normalization = Literal["min_max", "standard"]
ResizeMode = Literal["squash", "crop"]
_MAX_IMAGE_SIZE = 2048


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocessing:
    """Settings of preprocessing, kept in the bundle.

    Attributes
    ----------
    image_size
        Side of the square that the model sees, pixels.
    resize
        `squash` scales both sides to the square; `crop` scales the shorter side and cuts the middle out.
    normalization
        `min_max` maps 0..255 to 0..1, `standard` to -1..1.
    """

    image_size: int
    resize: ResizeMode = "squash"
    normalization: Normalization = "standard"

    def __post_init__(self) -> None:
        if not isinstance(self.image_size, int) or not 8 <= self.image_size <= _MAX_IMAGE_SIZE:
            raise ContractError(f"image_size must be 8 to {_MAX_IMAGE_SIZE} pixels, got {self.image_size!r}")
        if self.resize not in get_args(ResizeMode):
            raise ContractError(f"resize must be one of {get_args(ResizeMode)}, got {self.resize!r}")
        if self.normalization not in get_args(Normalization):
            raise ContractError(f"normalization must be one of {get_args(Normalization)}, got {self.normalization!r}")

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)


def preprocessing_from(content: Mapping[str, Any]) -> Preprocessing:
    """Read settings that a bundle or a feature store holds.

    Raises
    ------
    ContractError
        If a key or value is unknown.
    """
    try:
        return Preprocessing(**content)
    except TypeError as error:
        raise ContractError(f"preprocessing must have image_size, resize and normalization: {error}") from error


def prepare_image(data: bytes, preprocessing: Preprocessing) -> np.ndarray:
    """Decode an image file and bring it to the model's size.

    Parameters
    ----------
    data
        The file's bytes.
    preprocessing
        The model's settings.

    Returns
    -------
    np.ndarray
        Shape (S, S, 3), uint8, RGB, where S is `image_size`.

    Raises
    ------
    UndecodableImageError
        If the bytes are no usable image.
    """
    return resize_image(decode_image(data).pixels_HWC, preprocessing)


def resize_image(pixels_HWC: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Bring pixels to the model's size with antialiasing.

    Parameters
    ----------
    pixels_HWC
        Shape (H, W, 3), uint8.
    preprocessing
        The model's settings.

    Returns
    -------
    np.ndarray
        Shape (S, S, 3), uint8.
    """
    size = preprocessing.image_size
    height, width = pixels_HWC.shape[:2]
    if (height, width) == (size, size):
        return pixels_HWC
    box = None
    if preprocessing.resize == "crop":
        side = min(height, width)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
    resized = Image.fromarray(pixels_HWC).resize((size, size), Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized)


def normalize(images_BHWC: torch.Tensor, normalization: Normalization) -> torch.Tensor:
    """Normalise a batch of 8-bit images on the device they are on.

    Parameters
    ----------
    images_BHWC
        Shape (B, H, W, C), uint8.
    normalization
        `min_max` or `standard`.

    Returns
    -------
    torch.Tensor
        Shape (B, C, H, W), float32, channels last in memory: 0..1 for `min_max`, -1..1 for `standard`.

    Raises
    ------
    TypeError
        If the images are not uint8.
    ValueError
        If they have no four dimensions or the normalisation is unknown.
    """
    if images_BHWC.dtype != torch.uint8:
        raise TypeError(f"images must be uint8, got {images_BHWC.dtype}")
    if images_BHWC.ndim != 4:
        raise ValueError(f"images must have the shape (B, H, W, C), got {tuple(images_BHWC.shape)}")
    images_BCHW = images_BHWC.permute(0, 3, 1, 2).to(torch.float32)
    if normalization == "min_max":
        return images_BCHW / 255.0
    if normalization == "standard":
        return images_BCHW / 127.5 - 1.0
    raise ValueError(f"normalization must be one of {get_args(Normalization)}, got {normalization!r}")
