"""Blur by a known kernel, and Wiener deconvolution.

Shapes: B images, C channels, H height, W width, h and w a kernel's sides.
"""

import math

import torch

from components.modeling.fourier.spectra import check_images


def gaussian_kernel(sigma_px: float) -> torch.Tensor:
    """A round blur of the standard deviation `sigma_px`, pixels; ValueError if it is not finite and above 0.

    Returns
    -------
    torch.Tensor
        Shape (S, S), float32, sum 1, where S is odd and covers 3 standard deviations to each side.
    """
    if not 0.0 < sigma_px < math.inf:
        raise ValueError(f"sigma_px must be above 0 pixels, got {sigma_px!r}")
    reach = max(math.ceil(3.0 * sigma_px), 1)
    profile_S = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma_px).square())
    kernel_SS = torch.outer(profile_S, profile_S)
    return (kernel_SS / kernel_SS.sum()).float()


def motion_kernel(length_px: float, angle_deg: float) -> torch.Tensor:
    """The blur of a camera that moves along a line; ValueError if the length is below 1 or a number is not finite.

    Parameters
    ----------
    length_px
        Length of the line, pixels, 1 or more.
    angle_deg
        Its direction, degrees: 0 from left to right, 90 upwards.

    Returns
    -------
    torch.Tensor
        Shape (S, S), float32, sum 1, where S is odd and holds the line.
    """
    if not 1.0 <= length_px < math.inf or not math.isfinite(angle_deg):
        raise ValueError(f"length_px must be at least 1 and angle_deg finite, got {length_px!r} and {angle_deg!r}")
    reach = math.ceil(length_px / 2.0)
    along_N = torch.linspace(-0.5, 0.5, 16 * (2 * reach + 1), dtype=torch.float64) * (length_px - 1.0)
    rows_N = reach - along_N * math.sin(math.radians(angle_deg))
    columns_N = reach + along_N * math.cos(math.radians(angle_deg))
    kernel_SS = torch.zeros(2 * reach + 1, 2 * reach + 1, dtype=torch.float64)
    top_N, left_N = rows_N.floor(), columns_N.floor()
    for below in (0, 1):
        for right in (0, 1):
            share_N = (1.0 - (rows_N - top_N - below).abs()) * (1.0 - (columns_N - left_N - right).abs())
            place = ((top_N + below).long().clamp(max=2 * reach), (left_N + right).long().clamp(max=2 * reach))
            kernel_SS.index_put_(place, share_N, accumulate=True)
    return (kernel_SS / kernel_SS.sum()).float()


def blur(images_BCHW: torch.Tensor, kernel_hw: torch.Tensor) -> torch.Tensor:
    """Blur images, returned as (B, C, H, W), float32; beyond a border they are continued by their mirror images.

    Parameters
    ----------
    images_BCHW
        Shape (B, C, H, W), float in 0..1.
    kernel_hw
        Shape (h, w), float, sum above 0, at most twice the image: what a point becomes, its middle at (h // 2, w // 2).
        It is scaled to the sum 1.

    Raises
    ------
    TypeError, ValueError
        If the images or the kernel cannot be used.
    """
    check_images(images_BCHW)
    with torch.autocast(images_BCHW.device.type, enabled=False):
        mirrored_BCHW = _mirrored(images_BCHW.float())
        blurred_BCHW = torch.fft.irfft2(
            torch.fft.rfft2(mirrored_BCHW) * _transfer(kernel_hw, mirrored_BCHW), s=mirrored_BCHW.shape[-2:]
        )
    return _cut(blurred_BCHW, images_BCHW)


def wiener_deconvolution(images_BCHW: torch.Tensor, kernel_hw: torch.Tensor, *, noise_to_signal: float) -> torch.Tensor:
    """Remove a known blur from images, as far as their noise permits.

    Images are continued by their mirror images, so borders do not ring.

    Parameters
    ----------
    images_BCHW
        Shape (B, C, H, W), float in 0..1; computed in float32 on its device.
    kernel_hw
        As of `blur`.
    noise_to_signal
        Power of the noise over that of the image at the frequencies to bring back, above 0: about 1e-4 for hardly any
        noise, 1e-2 for visible noise. More gives smoother images.

    Returns
    -------
    torch.Tensor
        Shape (B, C, H, W), float32 in 0..1.

    Raises
    ------
    TypeError, ValueError
        If the images or the kernel cannot be used, or `noise_to_signal` is not above 0.

    References
    ----------
    Gonzalez and Woods, "Digital Image Processing", 4th edition, section 5.8, with a constant ratio.
    """
    check_images(images_BCHW, in_range=True)
    if not 0.0 < noise_to_signal < math.inf:
        raise ValueError(f"noise_to_signal must be above 0, got {noise_to_signal!r}")
    with torch.autocast(images_BCHW.device.type, enabled=False):
        # The mean is no detail: without it, it would be damped as the noise is.
        mean_BC11 = images_BCHW.float().mean(dim=(-2, -1), keepdim=True)
        mirrored_BCHW = _mirrored(images_BCHW.float() - mean_BC11)
        transfer_HV = _transfer(kernel_hw, mirrored_BCHW)
        inverse_HV = transfer_HV.conj() / (transfer_HV.abs().square() + noise_to_signal)
        restored_BCHW = torch.fft.irfft2(torch.fft.rfft2(mirrored_BCHW) * inverse_HV, s=mirrored_BCHW.shape[-2:])
        return (_cut(restored_BCHW, images_BCHW) + mean_BC11).clamp(0.0, 1.0)


def _mirrored(images_BCHW: torch.Tensor) -> torch.Tensor:
    """Shape (B, C, 2H, 2W): without a seam where it repeats."""
    wide = torch.cat([images_BCHW, images_BCHW.flip(-1)], dim=-1)
    return torch.cat([wide, wide.flip(-2)], dim=-2)


def _cut(mirrored_BCHW: torch.Tensor, images_BCHW: torch.Tensor) -> torch.Tensor:
    return mirrored_BCHW[..., : images_BCHW.shape[-2], : images_BCHW.shape[-1]]


def _transfer(kernel_hw: torch.Tensor, mirrored_BCHW: torch.Tensor) -> torch.Tensor:
    height, width = mirrored_BCHW.shape[-2:]
    if not isinstance(kernel_hw, torch.Tensor) or kernel_hw.ndim != 2 or not kernel_hw.is_floating_point():
        found = tuple(kernel_hw.shape) if isinstance(kernel_hw, torch.Tensor) else type(kernel_hw).__name__
        raise TypeError(f"the kernel must be a tensor of floats of the shape (h, w), got {found}")
    if kernel_hw.shape[0] > height or kernel_hw.shape[1] > width:
        given = " x ".join(map(str, kernel_hw.shape))
        raise ValueError(f"the kernel must be at most {height} x {width}, twice the image, got {given}")
    total = float(kernel_hw.double().sum())
    if not 0.0 < total < math.inf:
        raise ValueError(f"the kernel must have a finite sum above 0, got {total:.4g}")
    around_HW = mirrored_BCHW.new_zeros(height, width)
    around_HW[: kernel_hw.shape[0], : kernel_hw.shape[1]] = kernel_hw.to(around_HW) / total
    around_HW = around_HW.roll((-(kernel_hw.shape[0] // 2), -(kernel_hw.shape[1] // 2)), dims=(0, 1))
    return torch.fft.rfft2(around_HW)
