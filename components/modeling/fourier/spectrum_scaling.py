"""The radial power spectrum, standardised for the head.

Shapes: B examples, R rings.
"""

from collections.abc import Iterable

import torch
from torch import nn

_MAX_EXAMPLES = 4096
_SMALLEST_STD = 1e-3


class SpectrumScaling(nn.Module):
    """Subtracts the mean of each of the R rings, and divides by its standard deviation.

    Both come from training rows before training begins and stay as they are: so an example's numbers depend on nothing
    else in its batch, and are the same in every process.
    """

    mean_R: torch.Tensor
    std_R: torch.Tensor

    def __init__(self, num_rings: int) -> None:
        super().__init__()
        self.register_buffer("mean_R", torch.zeros(num_rings))
        self.register_buffer("std_R", torch.ones(num_rings))

    def forward(self, spectra_BR: torch.Tensor) -> torch.Tensor:
        """Scaled spectra, shape (B, R), float32."""
        return (spectra_BR.float() - self.mean_R) / self.std_R

    def adapt(self, spectra: Iterable[torch.Tensor]) -> None:
        """Take mean and standard deviation from spectra of training rows, shape (B, R) each.

        No further batch is asked for once 4,096 examples have been seen.
        """
        seen: list[torch.Tensor] = []
        for spectra_BR in spectra:
            seen.append(spectra_BR.detach().double().cpu())
            if sum(len(part) for part in seen) >= _MAX_EXAMPLES:
                break
        if not seen:
            return
        together_NR = torch.cat(seen)
        self.mean_R.copy_(together_NR.mean(dim=0))
        self.std_R.copy_(together_NR.std(dim=0, correction=0).clamp(min=_SMALLEST_STD))
