"""Which device and which number format a step computes with."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch


def choose_device(name: str = "auto") -> torch.device:
    """Device by name: `auto` takes a GPU where there is one; ValueError if `cuda` finds none, or for other names."""
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device must be auto, cpu or cuda, got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda must have a GPU and its driver, but torch finds none; use auto or cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def tensors_on(device: torch.device, inputs: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Inputs by name as tensors on a device: copies, for an array that came from elsewhere may be read-only."""
    return {name: torch.from_numpy(np.array(value)).to(device) for name, value in inputs.items()}


def mixed_precision(device: torch.device, name: str = "auto") -> Literal["32-true", "bf16-mixed", "16-mixed"]:
    """Number format for training.

    Parameters
    ----------
    device
        Where it computes.
    name
        `auto` takes bfloat16 on a GPU that computes in it, float16 on an older one, float32 on a CPU; `fp32`, `bf16`
        and `fp16` insist.

    Raises
    ------
    ValueError
        If the name is unknown, or float16 is asked for on a CPU.
    """
    named: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
        "fp32": "32-true",
        "bf16": "bf16-mixed",
        "fp16": "16-mixed",
    }
    if name != "auto":
        if name not in named:
            raise ValueError(f"precision must be auto, {', '.join(named)}, got {name!r}")
        if name == "fp16" and device.type != "cuda":
            raise ValueError("precision fp16 must have a GPU, but training runs on a CPU: use bf16, fp32 or auto")
        return named[name]
    if device.type != "cuda":
        return "32-true"
    native_bf16 = torch.cuda.get_device_capability(device) >= (8, 0)
    return "bf16-mixed" if native_bf16 else "16-mixed"
