"""The order in which rows of a pool are drawn at random, whatever the parts and the order that it is read in."""

from collections.abc import Sequence
import hashlib

import numpy as np


def random_order(example_ids: Sequence[str], seed: int) -> np.ndarray:
    """A number for each row that only its identifier and the seed decide, shape (N,), uint64.

    The n rows with the smallest numbers are n rows drawn at random, in whatever order or parts a pool is read.
    """
    start = hashlib.blake2b(str(seed).encode() + b"\x00", digest_size=8)
    digests = bytearray()
    for name in example_ids:
        one = start.copy()
        one.update(name.encode("utf-8", "surrogatepass"))
        digests += one.digest()
    return np.frombuffer(bytes(digests), "<u8").astype(np.uint64)
