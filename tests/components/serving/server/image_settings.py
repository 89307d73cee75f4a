"""Bundles of images in every normalisation and with every Fourier setting, and one with a team's own function."""

from collections.abc import Callable
import itertools
import os
from pathlib import Path

import pyarrow as pa
import pytest

from components.modeling.backbone_config import BackboneConfig
from components.modeling.custom_features import CustomFeatures
from components.modeling.fourier.settings import FourierSettings
from components.modeling.images.features import ImageFeatures
from components.shared.runtime.custom_code import ALLOWED_VARIABLE

NORMALIZATIONS = {
    "min_max": {},
    "standard": {},
    "channel": {"channel_mean": (120.0, 110.0, 100.0), "channel_std": (60.0, 61.0, 62.0)},
}
FOURIERS = {
    "none": None,
    "low": FourierSettings(filter="low_pass", high=0.3),
    "high": FourierSettings(filter="high_pass", low=0.1),
    "band": FourierSettings(filter="band_pass", low=0.1, high=0.5, spectrum_bins=8),
    "spectrum": FourierSettings(spectrum_bins=12),
}
FUNCTION = "served_team_images:mirrored"
CODE = """
import io

from PIL import Image, ImageOps
import pyarrow as pa


def mirrored(columns, options):
    files = []
    for data in columns["image"].to_pylist():
        buffer = io.BytesIO()
        ImageOps.mirror(Image.open(io.BytesIO(data)).convert("RGB")).save(buffer, format="PNG")
        files.append(buffer.getvalue())
    return {"image": pa.array(files, pa.binary())}
"""


def names() -> list[str]:
    """Of all combinations, and of the team's."""
    return [*map("-".join, itertools.product(NORMALIZATIONS, FOURIERS)), "own"]


def allow_own_code(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let this process, and those that it starts, run the team's function, which lies in `folder`."""
    patch.syspath_prepend(folder)
    patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    patch.setenv(ALLOWED_VARIABLE, FUNCTION)


def write_bundles(folder: Path, write_random_bundle: Callable[..., Path]) -> dict[str, Path]:
    """A bundle of every combination, by name, beside the team's module."""
    (folder / "served_team_images.py").write_text(CODE)
    every = {
        f"{normalization}-{fourier}": ImageFeatures(
            image_size=32, normalization=normalization, fourier=FOURIERS[fourier], **NORMALIZATIONS[normalization]
        )
        for normalization, fourier in itertools.product(NORMALIZATIONS, FOURIERS)
    }
    backbone = BackboneConfig(name="small_cnn")
    with pytest.MonkeyPatch.context() as patch:
        allow_own_code(patch, folder)
        every["own"] = CustomFeatures(FUNCTION, {}, {"image": pa.binary()}, ImageFeatures(image_size=32))
        return {name: write_random_bundle(folder / name, features, backbone) for name, features in every.items()}
