"""Augmentation in frequencies, as transforms that an augmentation policy names like those of albumentations.

Importing this module makes `FourierFilter` and `PeriodicNoise` known to `albumentations.from_dict`. Only steps whose
container image holds albumentations import it.

Shapes: H height, W width, C channels.
"""

import math
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, model_validator
import torch

from components.modeling.augmentation.quiet_albumentations import (
    BaseTransformInitSchema,
    check_range_bounds,
    ImageOnlyTransform,
    nondecreasing,
)
from components.modeling.fourier.filters import filtered_images
from components.modeling.fourier.settings import FourierSettings

_SMALLEST_CUT_OFF = 0.001
_Cut = Annotated[
    tuple[float, float], AfterValidator(check_range_bounds(_SMALLEST_CUT_OFF, 1)), AfterValidator(nondecreasing)
]
_Share = Annotated[tuple[float, float], AfterValidator(check_range_bounds(0, 1)), AfterValidator(nondecreasing)]


class _NamedInPolicies:
    @classmethod
    def get_class_fullname(cls) -> str:
        """The name in augmentation policies."""
        return cls.__name__


class FourierFilter(_NamedInPolicies, ImageOnlyTransform):
    """Removes fine or coarse detail of 8-bit images, with a cut-off drawn for each; of two filters one is drawn.

    Cut-offs are shares of the Nyquist frequency, 0.001 to 1; None for no such filter. What a high-pass leaves lies
    around middle grey.
    """

    class InitSchema(BaseTransformInitSchema):
        """What the parameters may be."""

        low_pass_range: _Cut | None
        high_pass_range: _Cut | None

        @model_validator(mode="after")
        def check_some(self) -> "FourierFilter.InitSchema":
            """At least one filter."""
            if self.low_pass_range is None and self.high_pass_range is None:
                raise ValueError("low_pass_range or high_pass_range must be given, but both are None")
            return self

    def __init__(
        self,
        low_pass_range: tuple[float, float] | None = (0.25, 0.75),
        high_pass_range: tuple[float, float] | None = None,
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self.low_pass_range = low_pass_range
        self.high_pass_range = high_pass_range

    def get_params(self) -> dict[str, Any]:
        """Draw a filter."""
        ranges = {"low_pass": self.low_pass_range, "high_pass": self.high_pass_range}
        given = [(name, range_) for name, range_ in ranges.items() if range_ is not None]
        name, (lowest, highest) = given[0] if len(given) == 1 else self.py_random.choice(given)
        return {"filter_name": name, "cut_off": self.py_random.uniform(lowest, highest)}

    def apply(self, img: np.ndarray, filter_name: str, cut_off: float, **params: Any) -> np.ndarray:
        """Filter an image, shape (H, W, C), uint8."""
        bound = {"high": cut_off} if filter_name == "low_pass" else {"low": cut_off}
        settings = FourierSettings(filter=filter_name, **bound)  # type: ignore[arg-type]
        image_1CHW = torch.from_numpy(np.ascontiguousarray(_unit(img))).permute(2, 0, 1)[None]
        return _bytes(filtered_images(image_1CHW, settings)[0].permute(1, 2, 0).numpy())


class PeriodicNoise(_NamedInPolicies, ImageOnlyTransform):
    """Lays a wave over 8-bit images, of a direction and a phase drawn for each: interference, or moire of a screen.

    Amplitudes are shares of the range from black to white, frequencies of the Nyquist frequency, both 0 to 1.
    """

    class InitSchema(BaseTransformInitSchema):
        """What the parameters may be."""

        amplitude_range: _Share
        frequency_range: _Share

    def __init__(
        self,
        amplitude_range: tuple[float, float] = (0.02, 0.1),
        frequency_range: tuple[float, float] = (0.1, 0.8),
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self.amplitude_range = amplitude_range
        self.frequency_range = frequency_range

    def get_params(self) -> dict[str, Any]:
        """Draw a wave."""
        return {
            "amplitude": self.py_random.uniform(*self.amplitude_range),
            "frequency": self.py_random.uniform(*self.frequency_range),
            "angle": self.py_random.uniform(0.0, math.pi),
            "phase": self.py_random.uniform(0.0, 2.0 * math.pi),
        }

    def apply(
        self, img: np.ndarray, amplitude: float, frequency: float, angle: float, phase: float, **params: Any
    ) -> np.ndarray:
        """Lay the wave over an image, shape (H, W, C), uint8."""
        down_H1 = np.arange(img.shape[0])[:, None] * math.sin(angle)
        across_1W = np.arange(img.shape[1])[None, :] * math.cos(angle)
        wave_HW = amplitude * np.sin(math.pi * frequency * (down_H1 + across_1W) + phase)
        return _bytes(_unit(img) + wave_HW[:, :, None].astype(np.float32))


def _unit(image_HWC: np.ndarray) -> np.ndarray:
    if image_HWC.dtype != np.uint8:
        raise TypeError(f"images must be uint8, got {image_HWC.dtype}: augment before normalisation")
    return image_HWC.astype(np.float32) / 255.0


def _bytes(values_HWC: np.ndarray) -> np.ndarray:
    return np.asarray((values_HWC * 255.0).round().clip(0, 255).astype(np.uint8))
