"""Numbers that the CPU computed for a batch, sent to its device in one copy: each single copy would hold the CPU up."""

from collections.abc import Callable

import numpy as np
import torch

SentValue = Callable[[], torch.Tensor]
_ALIGNMENT = 8


class HostValues:
    """Collects arrays, and copies them all at once, without waiting where the device is a GPU."""

    def __init__(self) -> None:
        self._arrays: list[np.ndarray] = []
        self._starts: list[int] = [0]
        self._sent: torch.Tensor | None = None

    def add(self, values: np.ndarray) -> SentValue:
        """Collect an array of any shape: floats become float32 on the device, whole numbers int64.

        Returns a function that gives the values on the device once they were sent; RuntimeError if others were sent
        already.
        """
        if self._sent is not None:
            raise RuntimeError("values must be added before they are sent")
        kind = np.float32 if np.issubdtype(values.dtype, np.floating) else np.int64
        place = len(self._arrays)
        self._arrays.append(np.asarray(values, dtype=kind, order="C"))
        self._starts.append(self._starts[-1] + -(-self._arrays[-1].nbytes // _ALIGNMENT) * _ALIGNMENT)
        return lambda: self._on_device(place)

    def send(self, device: torch.device) -> None:
        """Copy what was collected to a device; once."""
        bytes_N = torch.empty(self._starts[-1], dtype=torch.uint8, pin_memory=device.type == "cuda")
        target_N = bytes_N.numpy()
        for start, values in zip(self._starts, self._arrays, strict=False):
            target_N[start : start + values.nbytes] = values.reshape(-1).view(np.uint8)
        self._sent = bytes_N.to(device, non_blocking=True)

    def _on_device(self, place: int) -> torch.Tensor:
        if self._sent is None:
            raise RuntimeError("values must be sent before they are asked for")
        values, start = self._arrays[place], self._starts[place]
        dtype = torch.float32 if values.dtype == np.float32 else torch.int64
        return self._sent[start : start + values.nbytes].view(dtype).reshape(values.shape)
