"""Images: from encoded bytes to what a network takes, the same code for training and serving.

Shapes: B examples, H height, W width, C channels, S the side of the square that the network sees, K rings of its
spectrum.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args, Literal, TYPE_CHECKING

import numpy as np
import pyarrow as pa

from components.modeling.fourier.settings import fourier_settings_from, FourierSettings
from components.modeling.images.channel_statistics import ChannelStatistics, Normalization
from components.modeling.images.decoding import decode_image, UndecodableImageError
from components.modeling.images.resizing import pillow_resized_pixels, resized_pixels, ResizeMode
from components.shared.feature_store.blocks import InputSpec
from components.shared.runtime.errors import ContractError

if TYPE_CHECKING:
    import torch

DecodingMode = Literal["full", "scaled"]
_MAX_IMAGE_SIZE = 2048
_NUM_CHANNELS = 3


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
        `min_max` maps 0..255 to 0..1, `standard` to -1..1; `channel` subtracts each channel's mean and divides by its
        standard deviation.
    channel_mean, channel_std
        For `channel`: statistics of the training images, red, green and blue, grey levels 0..255; None for the others.
    fourier
        A frequency filter, and the radial power spectrum as a further input; None for neither.
    decoding
        `full` decodes every pixel and resizes with Pillow, as models without this setting were trained. `scaled`
        decodes a JPEG file to the half, quarter or eighth of its size that is still no smaller than the square, and
        resizes with torch: less than half the processor's time for a photo from the web, a fifth for one from a camera.
    """

    image_size: int
    resize: ResizeMode = "squash"
    normalization: Normalization = "standard"
    channel_mean: tuple[float, float, float] | None = None
    channel_std: tuple[float, float, float] | None = None
    fourier: FourierSettings | None = None
    decoding: DecodingMode = "full"

    def __post_init__(self) -> None:
        if not isinstance(self.image_size, int) or not 8 <= self.image_size <= _MAX_IMAGE_SIZE:
            raise ContractError(f"image_size must be 8 to {_MAX_IMAGE_SIZE} pixels, got {self.image_size!r}")
        for name, known in (("resize", ResizeMode), ("decoding", DecodingMode), ("normalization", Normalization)):
            if getattr(self, name) not in get_args(known):
                raise ContractError(f"{name} must be one of {get_args(known)}, got {getattr(self, name)!r}")
        self._check_statistics()
        if self.spectrum_bins > self.image_size // 2:
            raise ContractError(
                f"fourier.spectrum_bins must be at most half of image_size, {self.image_size // 2}, "
                f"got {self.spectrum_bins}"
            )

    @property
    def spectrum_bins(self) -> int:
        """Rings of the spectrum that the network gets beside the image; 0 for none."""
        return 0 if self.fourier is None else self.fourier.spectrum_bins

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
        """Decode and resize the B encoded files of the column `image` to `image`, shape (B, S, S, 3), uint8.

        Raises `UndecodableImageError` if one of them is no usable image.
        """
        images_BHWC = self.input_specs["image"].uninitialized(len(columns["image"]))
        for row, data in enumerate(columns["image"]):
            images_BHWC[row] = prepare_image(data.as_py(), self)
        return {"image": images_BHWC}

    def tensors(self, inputs: "Mapping[str, torch.Tensor]") -> "tuple[torch.Tensor, ...]":
        """Images, shape (B, 3, S, S), float32, filtered and normalised, on the device of the inputs.

        Where `fourier` asks for it, the radial power spectrum of the unfiltered images follows, shape (B, K), float32.
        Under autocast both are computed in float32.
        """
        # Here, not above: who only prepares images, as a server without torch does, needs none of it.
        from components.modeling.images.network_inputs import image_tensors

        return image_tensors(inputs["image"], self.pixel_normalization, self.fourier)

    def files(self) -> dict[str, bytes]:
        """No further files."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values; what was not set, and full decoding, is left out."""
        content = {name: value for name, value in asdict(self).items() if value is not None}
        if self.decoding == "full":
            del content["decoding"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in content.items()}

    @property
    def pixel_normalization(self) -> Normalization | ChannelStatistics:
        """How pixels are normalised, with the statistics where it needs them."""
        if self.channel_mean is None or self.channel_std is None:
            return self.normalization
        return ChannelStatistics(mean=self.channel_mean, std=self.channel_std)

    def _check_statistics(self) -> None:
        given = {"channel_mean": self.channel_mean, "channel_std": self.channel_std}
        for name, value in given.items():
            if self.normalization != "channel" and value is not None:
                raise ContractError(f"{name} must be left out where normalization is {self.normalization}, got {value}")
            if self.normalization == "channel" and (not isinstance(value, tuple) or len(value) != _NUM_CHANNELS):
                raise ContractError(
                    f"{name} must have {_NUM_CHANNELS} numbers, statistics of the training images, where normalization "
                    f"is channel, got {value!r}"
                )
        if self.channel_mean is not None and self.channel_std is not None:
            ChannelStatistics(mean=self.channel_mean, std=self.channel_std)


def image_features_from(content: Mapping[str, Any]) -> ImageFeatures:
    """Read settings that a bundle or a feature store holds.

    Raises
    ------
    ContractError
        If a key or value is unknown.
    """
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
    }
    if values.get("fourier") is not None:
        values["fourier"] = fourier_settings_from(values["fourier"])
    try:
        return ImageFeatures(**values)
    except TypeError as error:
        raise ContractError(
            "preprocessing must have image_size, resize, normalization, and where they are needed channel_mean, "
            f"channel_std, fourier and decoding: {error}"
        ) from error


def prepare_image(data: bytes | None, features: ImageFeatures) -> np.ndarray:
    """Decode an image file, None where there is none, to pixels of the shape (S, S, 3), uint8, RGB.

    Raises
    ------
    UndecodableImageError
        If the bytes are no usable image.
    """
    if data is None:
        raise UndecodableImageError("there is no image")
    size = features.image_size
    if features.decoding == "full":
        return pillow_resized_pixels(decode_image(data).pixels_HWC, side_px=size, resize=features.resize)
    return resized_pixels(decode_image(data, min_side_px=size).pixels_HWC, side_px=size, resize=features.resize)
