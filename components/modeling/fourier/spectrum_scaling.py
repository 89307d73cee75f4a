"""The radial power spectrum on the scale that a head learns from.

Shapes: B examples, R rings.
"""

from collections.abc import Iterable

import torch
from torch import nn

_MAX_EXAMPLES = 4096
_SMALLEST_STD = 1e-3


class SpectrumScaling(nn.Module):
    """Takes off the mean of each ring, and divides by its standard deviation.

    Both come from training rows before training begins and stay as they are: so an example's numbers depend on nothing
    else in its batch, and every process has the same.

    Parameters
    ----------
    num_rings
        R, 1 or more.
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
        """Take mean and standard deviation from training rows.

        Parameters
        ----------
        spectra
            Spectra of the shape (B, R) each; none is asked for once 4,096 examples have been seen.
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
