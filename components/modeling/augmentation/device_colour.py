"""Changes of light and colour of a batch of images on their device, each image with parameters of its own.

Shapes: B images, C channels (red, green, blue), H height, W width, D draws. Images are float32, 0 to 255, whole
numbers; draws are uniform numbers of 0 to 1, from which the parameters follow as albumentations 2.0.8 draws them. Light
is floored and saturation rounded, as there.
"""

from typing import Any

import numpy as np
import torch

from components.modeling.augmentation.device_geometry import between, Change, DeviceTransform
from components.modeling.augmentation.host_values import HostValues, SentValue

_GREY_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601, as OpenCV
_HUE_STEPS = 180  # OpenCV's hues of 8-bit images


class BrightnessContrast(DeviceTransform):
    """Pixels times one number plus another, as `albumentations.RandomBrightnessContrast`."""

    num_draws = 2

    def drawn(self, draws_BD: np.ndarray, size: tuple[int, int], host: HostValues) -> Change:
        """Changes the light; see `DeviceTransform.drawn`."""
        factor_B = host.add(1 + between(self._transform.contrast_limit, draws_BD[:, 0]))
        offset_B = host.add(between(self._transform.brightness_limit, draws_BD[:, 1]))

        def change(images_BCHW: torch.Tensor) -> torch.Tensor:
            largest = 255.0 if self._transform.brightness_by_max else _mean(images_BCHW)
            return (images_BCHW * _per_image(factor_B) + _per_image(offset_B) * largest).floor()

        return change


class ColourJitter(DeviceTransform):
    """Brightness, contrast, saturation and hue in an order that is drawn too, as `albumentations.ColorJitter`."""

    num_draws = 8

    def drawn(self, draws_BD: np.ndarray, size: tuple[int, int], host: HostValues) -> Change:
        """Changes light and colours, each image in its order; see `DeviceTransform.drawn`."""
        transform, orders_B4 = self._transform, draws_BD[:, 4:].argsort(axis=1)
        ranges = (transform.brightness, transform.contrast, transform.saturation, transform.hue)
        steps = []
        for place in range(4):
            for number, (colour_change, idle) in enumerate(_CHANGES):
                factor_B = between(ranges[number], draws_BD[:, number])
                chosen = np.flatnonzero((orders_B4[:, place] == number) & (factor_B != idle))
                if len(chosen):
                    steps.append((colour_change, host.add(chosen), host.add(factor_B[chosen])))

        def change(images_BCHW: torch.Tensor) -> torch.Tensor:
            images_BCHW = images_BCHW.clone()
            for colour_change, chosen, factor_B in steps:
                rows = chosen()
                images_BCHW[rows] = whole_levels(colour_change(images_BCHW[rows], _per_image(factor_B)))
            return images_BCHW

        return change


class Grey(DeviceTransform):
    """Grey in three equal channels, as `albumentations.ToGray`; it draws nothing."""

    def drawn(self, draws_BD: np.ndarray, size: tuple[int, int], host: HostValues) -> Change:
        """Takes the colours away; see `DeviceTransform.drawn`."""
        return lambda images_BCHW: _grey(images_BCHW).expand_as(images_BCHW)


def colour_transform(transform: Any) -> DeviceTransform | None:
    """The batched form of a colour transform of albumentations; None where there is none for these settings."""
    kind = type(transform).__name__
    if kind == "RandomBrightnessContrast" and not transform.ensure_safe_range:
        return BrightnessContrast(transform)
    if kind == "ColorJitter":
        return ColourJitter(transform)
    if kind == "ToGray" and transform.method == "weighted_average" and transform.num_output_channels == 3:
        return Grey(transform)
    return None


def whole_levels(images_BCHW: torch.Tensor) -> torch.Tensor:
    """Images rounded to what 8 bits hold; still float32."""
    return images_BCHW.round().clamp_(0, 255)


def _brightness(images_BCHW: torch.Tensor, factor_B111: torch.Tensor) -> torch.Tensor:
    return (images_BCHW * factor_B111).floor()


def _contrast(images_BCHW: torch.Tensor, factor_B111: torch.Tensor) -> torch.Tensor:
    return (images_BCHW * factor_B111 + _mean(_grey(images_BCHW)) * (1 - factor_B111)).floor()


def _saturation(images_BCHW: torch.Tensor, factor_B111: torch.Tensor) -> torch.Tensor:
    return images_BCHW * factor_B111 + _grey(images_BCHW) * (1 - factor_B111)


def _hue(images_BCHW: torch.Tensor, factor_B111: torch.Tensor) -> torch.Tensor:
    """Hue turned by a share of the circle, in OpenCV's 180 steps; brightness and saturation stay."""
    largest_BHW, where_BHW = images_BCHW.max(dim=1)
    range_BHW = largest_BHW - images_BCHW.amin(dim=1)
    red, green, blue = images_BCHW.unbind(dim=1)
    ahead_BCHW = torch.stack([green - blue, blue - red, red - green], dim=1)
    ahead_BHW = ahead_BCHW.gather(1, where_BHW[:, None])[:, 0] / range_BHW.clamp(min=1)
    hue_BHW = ((ahead_BHW + 2 * where_BHW) / 6 * _HUE_STEPS).round() % _HUE_STEPS
    turned_BHW = ((hue_BHW + factor_B111[:, 0] * _HUE_STEPS) % _HUE_STEPS).floor() / _HUE_STEPS
    channels = []
    for offset in (5, 3, 1):
        sector_BHW = (offset + turned_BHW * 6) % 6
        weight_BHW = torch.minimum(sector_BHW, 4 - sector_BHW).clamp(0, 1)
        channels.append(largest_BHW - range_BHW * weight_BHW)
    return torch.stack(channels, dim=1)


_CHANGES = ((_brightness, 1.0), (_contrast, 1.0), (_saturation, 1.0), (_hue, 0.0))  # each with what changes nothing


def _grey(images_BCHW: torch.Tensor) -> torch.Tensor:
    red, green, blue = (weight * channel for weight, channel in zip(_GREY_WEIGHTS, images_BCHW.unbind(1), strict=True))
    return (red + green + blue).round()[:, None]


def _mean(images_BCHW: torch.Tensor) -> torch.Tensor:
    """Mean of each image, shape (B, 1, 1, 1): exact, for whole numbers add up exactly, so that no batch changes it."""
    return images_BCHW.mean(dim=(1, 2, 3), keepdim=True, dtype=torch.float64).to(torch.float32)


def _per_image(values_B: SentValue) -> torch.Tensor:
    return values_B()[:, None, None, None]
