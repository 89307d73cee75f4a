"""The two random generators that albumentations draws from, as one that is seeded in two microseconds."""

import random
from typing import Any

import numpy as np

from components.modeling.augmentation.example_seeds import mixed

_RAW_BITS = 64


class SeededRandom(random.Random):
    """Python's generator on top of numpy's `generator`: one state, and seeding it forgets all earlier draws."""

    def __init__(self) -> None:
        self._bits = np.random.PCG64(0)
        self.generator = np.random.Generator(self._bits)
        self._draw = self.generator.random
        self._state = {"state": 0, "inc": 1}
        self._full_state: Any = {"bit_generator": "PCG64", "state": self._state, "has_uint32": 0, "uinteger": 0}
        super().__init__(0)

    def reseed(self, seed: int) -> None:
        """Begin anew from a seed of 0 to 2**32 - 1."""
        high = mixed(seed)
        self._state["state"] = high << 64 | mixed(high)
        self._bits.state = self._full_state
        self.gauss_next = None  # half of a pair that `gauss` keeps for later

    def random(self) -> float:
        """A number of 0 included to 1 excluded."""
        return self._draw()

    def getrandbits(self, k: int, /) -> int:
        """A number of `k` random bits."""
        drawn = 0
        for _ in range(-(-k // _RAW_BITS)):
            drawn = drawn << _RAW_BITS | int(self._bits.random_raw())
        return drawn >> (-k % _RAW_BITS)
