"""From 8-bit pixels to what a network takes, with the filters and the spectrum that settings ask for.

Shapes: B examples, S the side of the square that the network sees, K rings of its spectrum.
"""

import torch

from components.modeling.fourier.filters import filtered_images
from components.modeling.fourier.settings import FourierSettings
from components.modeling.fourier.spectra import log_ring_power
from components.modeling.images.channel_statistics import ChannelStatistics, Normalization
from components.modeling.images.normalization import normalize, normalize_unit_pixels, unit_pixels

_SPECTRA_AT_ONCE = 128


def image_tensors(
    images_BHWC: torch.Tensor, normalization: Normalization | ChannelStatistics, fourier: FourierSettings | None
) -> tuple[torch.Tensor, ...]:
    """Images, shape (B, 3, S, S), float32, filtered and normalised; where it is asked for their spectra, (B, K)."""
    if fourier is None or fourier.filter == "none":
        images_BCHW = normalize(images_BHWC, normalization)
    else:
        filtered_BCHW = filtered_images(unit_pixels(images_BHWC), fourier)
        images_BCHW = normalize_unit_pixels(filtered_BCHW, normalization)
    if fourier is None or not fourier.spectrum_bins:
        return (images_BCHW,)
    # A few at a time: adaptation to the training rows comes with a thousand.
    parts = images_BHWC.split(_SPECTRA_AT_ONCE)
    return images_BCHW, torch.cat([log_ring_power(unit_pixels(part), fourier.spectrum_bins) for part in parts])
