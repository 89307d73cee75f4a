"""A fingerprint of what a photo shows, whatever file it comes in: its content id is made of it."""

import hashlib

import numpy as np


def pixel_fingerprint(pixels_HWC: np.ndarray) -> str:
    """First 32 hexadecimal characters of the SHA-256 of pixels and their shape, (H, W, 3), uint8."""
    digest = hashlib.sha256(repr(pixels_HWC.shape).encode())
    digest.update(np.ascontiguousarray(pixels_HWC).data)
    return digest.hexdigest()[:32]
