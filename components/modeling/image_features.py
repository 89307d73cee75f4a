"""Images: from encoded bytes to what a network takes, the same code for training and serving.

Shapes: B examples, H height, W width, C channels, S the side of the square that the network sees.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args, Literal

import numpy as np
from PIL import Image
import pyarrow as pa
import torch

from components.modeling.image_decoding import decode_image, UndecodableImageError
from components.shared.errors import ContractError
from components.shared.feature_blocks import InputSpec

Normalization = Literal["min_max", "standard"]
ResizeMode = Literal["squash", "crop"]
_MAX_IMAGE_SIZE = 2048


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFeatures:
    """How an image becomes pixels of one size, and pixels become what a network takes.

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

    @property
    def modality(self) -> str:
        """What kind of example it takes."""
        return "image"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the example table that it reads."""
        return ("image",)

    @property
    def input_specs(self) -> dict[str, InputSpec]:
        """`image`: 8-bit RGB pixels of the shape (S, S, 3)."""
        return {"image": InputSpec(dtype="uint8", shape=(self.image_size, self.image_size, 3))}

    def prepare(self, columns: Mapping[str, pa.Array]) -> dict[str, np.ndarray]:
        """Decode and resize image files.

        Parameters
        ----------
        columns
            `image`: B encoded files.

        Returns
        -------
        dict
            `image`: shape (B, S, S, 3), uint8.

        Raises
        ------
        UndecodableImageError
            If one of them is no usable image.
        """
        images = [prepare_image(data, self) for data in columns["image"].to_pylist()]
        return {"image": np.stack(images) if images else self.input_specs["image"].empty(0)}

    def tensors(self, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Normalised images of the shape (B, 3, S, S), float32, on the device of the inputs; see `normalize`."""
        return (normalize(inputs["image"], self.normalization),)

    def files(self) -> dict[str, bytes]:
        """No further files."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)


def image_features_from(content: Mapping[str, Any]) -> ImageFeatures:
    """Read settings that a bundle or a feature store holds.

    Raises
    ------
    ContractError
        If a key or value is unknown.
    """
    try:
        return ImageFeatures(**content)
    except TypeError as error:
        raise ContractError(f"preprocessing must have image_size, resize and normalization: {error}") from error


def prepare_image(data: bytes | None, features: ImageFeatures) -> np.ndarray:
    """Decode an image file and bring it to the model's size.

    Parameters
    ----------
    data
        The file's bytes; None where there is no file.
    features
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
    if data is None:
        raise UndecodableImageError("there is no image")
    return resize_image(decode_image(data).pixels_HWC, features)


def resize_image(pixels_HWC: np.ndarray, features: ImageFeatures) -> np.ndarray:
    """Bring pixels to the model's size with antialiasing.

    Parameters
    ----------
    pixels_HWC
        Shape (H, W, 3), uint8.
    features
        The model's settings.

    Returns
    -------
    np.ndarray
        Shape (S, S, 3), uint8.
    """
    size = features.image_size
    height, width = pixels_HWC.shape[:2]
    if (height, width) == (size, size):
        return pixels_HWC
    box = None
    if features.resize == "crop":
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
