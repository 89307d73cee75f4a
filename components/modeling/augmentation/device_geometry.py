"""Flips, crops and affine moves of a batch of images on their device, each image with parameters of its own.

Shapes: B images, C channels, H height, W width, D draws. Images are float32, 0 to 255, whole numbers; draws are uniform
numbers of 0 to 1, from which the parameters follow as albumentations 2.0.8 draws them. Parameters are computed on the
CPU and travel with all others of the batch.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812 - torch's convention
from torchvision.transforms.v2 import functional as vision

from components.modeling.augmentation.host_values import HostValues, SentValue
from components.modeling.augmentation.quick_affine import affine_matrix
from components.shared.runtime.errors import ContractError

_LINEAR = 1  # cv2.INTER_LINEAR
_CONSTANT, _REFLECT_101 = 0, 4  # cv2.BORDER_*
_PADDINGS = {_CONSTANT: "zeros", 1: "border", 2: "reflection", _REFLECT_101: "reflection"}
_CROP_TRIES = 10

Change = Callable[[torch.Tensor], torch.Tensor]


class DeviceTransform(ABC):
    """A transform of albumentations, whose ranges are drawn from, for a batch; `num_draws` are drawn an image."""

    num_draws = 0

    def __init__(self, transform: Any) -> None:
        self._transform = transform

    @abstractmethod
    def drawn(self, draws_BD: np.ndarray, size: tuple[int, int], host: HostValues) -> Change:
        """What is to be done to B images of a height and width: draws of the shape (B, `num_draws`) say it.

        Parameters go to `host`, which must be sent before the change is applied. The change returns images of the same
        shape and type, not rounded.
        """


class Flip(DeviceTransform):
    """A mirrored image, as `albumentations.HorizontalFlip` and `VerticalFlip`."""

    def drawn(self, draws_BD: np.ndarray, size: tuple[int, int], host: HostValues) -> Change:
        """Mirrors; see `DeviceTransform.drawn`."""
        is_vertical = type(self._transform).__name__ == "VerticalFlip"
        return vision.vertical_flip if is_vertical else vision.horizontal_flip


class AffineMove(DeviceTransform):
    """Scale, rotation, shear and translation about the middle, as `albumentations.Affine`."""

    num_draws = 7

    def drawn(self, draws_BD: np.ndarray, size: tuple[int, int], host: HostValues) -> Change:
        """Moves and samples linearly; see `DeviceTransform.drawn`."""
        height, width = size
        matrices = [affine_matrix(self._parameters(draws, height, width), size) for draws in draws_BD.tolist()]
        whole_B33 = np.concatenate([np.stack(matrices), np.tile([[[0.0, 0.0, 1.0]]], (len(matrices), 1, 1))], axis=1)
        back_B23 = host.add(np.linalg.inv(whole_B33)[:, :2])
        fill = self._transform.fill
        is_colour = self._transform.border_mode == _CONSTANT and not isinstance(fill, int | float)
        fill_C = host.add(np.asarray(fill, np.float32)) if is_colour else None

        def change(images_BCHW: torch.Tensor) -> torch.Tensor:
            columns_W = torch.arange(width, device=images_BCHW.device, dtype=torch.float32)
            rows_H1 = torch.arange(height, device=images_BCHW.device, dtype=torch.float32)[:, None]
            x_BHW, y_BHW = (
                row_B3[:, 0, None, None] * columns_W + row_B3[:, 1, None, None] * rows_H1 + row_B3[:, 2, None, None]
                for row_B3 in back_B23().unbind(dim=1)
            )
            return self._sampled(images_BCHW, x_BHW, y_BHW, fill if fill_C is None else fill_C()[:, None, None])

        return change

    def _parameters(self, draws: list[float], height: int, width: int) -> tuple[float, ...]:
        transform = self._transform
        if transform.translate_percent is not None:
            moves = [transform.translate_percent["x"], transform.translate_percent["y"]]
            move_x, move_y = int(between(moves[0], draws[0]) * width), int(between(moves[1], draws[1]) * height)
        else:
            moves = [transform.translate_px["x"], transform.translate_px["y"]]
            move_x, move_y = (
                int(low) + int((int(high) - int(low) + 1) * draw)
                for (low, high), draw in zip(moves, draws, strict=False)
            )
        shear_x, shear_y = -between(transform.shear["x"], draws[2]), -between(transform.shear["y"], draws[3])
        scale_x, scale_y = between(transform.scale["x"], draws[4]), between(transform.scale["y"], draws[5])
        scale_y = scale_x if transform.keep_ratio else scale_y
        return move_x, move_y, shear_x, shear_y, scale_x, scale_y, between(transform.rotate, draws[6])

    def _sampled(
        self, images_BCHW: torch.Tensor, x_BHW: torch.Tensor, y_BHW: torch.Tensor, fill: torch.Tensor | float
    ) -> torch.Tensor:
        border = self._transform.border_mode
        if border != _CONSTANT:
            return _sampled_at(images_BCHW, x_BHW, y_BHW, border)
        return _sampled_at(images_BCHW - fill, x_BHW, y_BHW, border) + fill


class BorderCrop(DeviceTransform):
    """A part cut from each side, the rest scaled to the image's size, as a cropping `albumentations.CropAndPad`."""

    num_draws = 4

    def drawn(self, draws_BD: np.ndarray, size: tuple[int, int], host: HostValues) -> Change:
        """Crops and scales to the images' size; see `DeviceTransform.drawn`."""
        height, width = size
        draws_BD = draws_BD if self._transform.sample_independently else np.repeat(draws_BD[:, :1], 4, axis=1)
        cuts_BD = np.trunc(between(self._transform.percent, draws_BD) * [height, width, height, width])
        top, right, bottom, left = -cuts_BD.T
        return _crop(size, left, top, width - left - right, height - top - bottom, host)


class AreaCrop(DeviceTransform):
    """A crop of random area and aspect, scaled to the image's size, as `albumentations.RandomResizedCrop`."""

    num_draws = 2 * _CROP_TRIES + 2

    def drawn(self, draws_BD: np.ndarray, size: tuple[int, int], host: HostValues) -> Change:
        """Crops and scales to the images' size; ContractError if the transform was set to another size."""
        height, width = size
        if tuple(self._transform.size) != (height, width):
            raise ContractError(
                f"RandomResizedCrop.size must be the images' size, {height} x {width}, got {self._transform.size}"
            )
        crop_width, crop_height, is_drawn = self._sizes(draws_BD, height, width)
        along_y, along_x = draws_BD[:, -2], draws_BD[:, -1]
        left = np.where(is_drawn, np.floor((width - crop_width + 1) * along_x), (width - crop_width) // 2)
        top = np.where(is_drawn, np.floor((height - crop_height + 1) * along_y), (height - crop_height) // 2)
        return _crop(size, left, top, crop_width, crop_height, host)

    def _sizes(self, draws_BD: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Width and height of each crop, and whether they were drawn: else they are the largest possible."""
        scale, ratio = self._transform.scale, self._transform.ratio
        areas_BT = between(scale, draws_BD[:, :_CROP_TRIES]) * height * width
        logs = (math.log(ratio[0]), math.log(ratio[1]))
        aspects_BT = np.exp(between(logs, draws_BD[:, _CROP_TRIES : 2 * _CROP_TRIES]))
        widths_BT, heights_BT = np.rint(np.sqrt(areas_BT * aspects_BT)), np.rint(np.sqrt(areas_BT / aspects_BT))
        fits_BT = (widths_BT > 0) & (widths_BT <= width) & (heights_BT > 0) & (heights_BT <= height)
        first_B1 = fits_BT.argmax(axis=1)[:, None]
        widths_B, heights_B = (np.take_along_axis(sizes, first_B1, axis=1)[:, 0] for sizes in (widths_BT, heights_BT))
        found_B = fits_BT.any(axis=1)
        aspect = min(max(width / height, ratio[0]), ratio[1])
        largest_width, largest_height = min(width, round(height * aspect)), min(height, round(width / aspect))
        return np.where(found_B, widths_B, largest_width), np.where(found_B, heights_B, largest_height), found_B


def geometric_transform(transform: Any) -> DeviceTransform | None:
    """The batched form of a geometric transform of albumentations; None where there is none for these settings."""
    kind = type(transform).__name__
    if kind in ("HorizontalFlip", "VerticalFlip"):
        return Flip(transform)
    if kind == "Affine" and _is_plain_affine(transform):
        return AffineMove(transform)
    if kind == "CropAndPad" and _is_plain_crop(transform):
        return BorderCrop(transform)
    if kind == "RandomResizedCrop" and transform.interpolation == _LINEAR:
        return AreaCrop(transform)
    return None


def _is_plain_affine(transform: Any) -> bool:
    is_linear = transform.interpolation == _LINEAR and transform.border_mode in _PADDINGS
    return is_linear and not transform.fit_output and not transform.balanced_scale


def _is_plain_crop(transform: Any) -> bool:
    share = transform.percent
    is_range = (
        isinstance(share, tuple | list) and len(share) == 2 and all(isinstance(end, int | float) for end in share)
    )
    crops = is_range and max(share) <= 0 and min(share) > -0.5
    return bool(crops and transform.keep_size and transform.interpolation == _LINEAR)


def between(ends: Any, draws: Any) -> Any:
    """Numbers between two ends, from uniform draws of 0 to 1."""
    return ends[0] + (ends[1] - ends[0]) * draws


def _crop(
    size: tuple[int, int],
    left_B: np.ndarray,
    top_B: np.ndarray,
    width_B: np.ndarray,
    height_B: np.ndarray,
    host: HostValues,
) -> Change:
    """Crops scaled to the images' size; what lies outside a crop does not leak into its edge."""
    height, width = size

    def places(start_B: np.ndarray, size_B: np.ndarray, full: int) -> SentValue:
        scaled_BN = (np.arange(full) + 0.5) * (size_B / full)[:, None] - 0.5
        return host.add(start_B[:, None] + np.clip(scaled_BN, 0, size_B[:, None] - 1))

    x_BW, y_BH = places(left_B, width_B, width), places(top_B, height_B, height)

    def change(images_BCHW: torch.Tensor) -> torch.Tensor:
        x_BHW, y_BHW = x_BW()[:, None, :].expand(-1, height, -1), y_BH()[:, :, None].expand(-1, -1, width)
        return _sampled_at(images_BCHW, x_BHW, y_BHW, border=1)

    return change


def _sampled_at(images_BCHW: torch.Tensor, x_BHW: torch.Tensor, y_BHW: torch.Tensor, border: int) -> torch.Tensor:
    """Values between pixels, linearly; places are in pixels, 0 being the middle of the first."""
    height, width = images_BCHW.shape[2:]
    about_middles = border == _REFLECT_101  # the other reflection is about the pixels' outer edges
    if about_middles:
        grid_BHW2 = torch.stack([2 * x_BHW / (width - 1) - 1, 2 * y_BHW / (height - 1) - 1], dim=3)
    else:
        grid_BHW2 = torch.stack([(2 * x_BHW + 1) / width - 1, (2 * y_BHW + 1) / height - 1], dim=3)
    return F.grid_sample(
        images_BCHW, grid_BHW2, mode="bilinear", padding_mode=_PADDINGS[border], align_corners=about_middles
    )
