"""Seeds of examples and draws, from a hash of integers: they depend on nothing but their arguments.

The hash is splitmix64's finaliser, which is a bijection of 64 bits; numpy arrays and Python integers give the same.

References
----------
Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators, OOPSLA; constants of variant 13 of
Stafford.
"""

from typing import TypeVar

import numpy as np

_GAMMA = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_MASK = (1 << 64) - 1
_UNIT = 2.0**-53

_Integers = TypeVar("_Integers", int, np.ndarray)


def example_seed(*, seed: int, epoch: int, row: int) -> int:
    """Seed of one example in one epoch, 0 to 2**32 - 1: it depends on nothing else, so a resumed run repeats it."""
    return mixed(mixed(mixed(seed) + epoch) + row) >> 32


def example_seeds(*, seed: int, epoch: int, rows: np.ndarray) -> np.ndarray:
    """`example_seed` of many rows of one epoch: shape (N,), uint32, from rows of the shape (N,), int."""
    seeds_N = mixed(rows.astype(np.uint64) + np.uint64(mixed(mixed(seed) + epoch))) >> np.uint64(32)
    return seeds_N.astype(np.uint32)


def uniforms(seeds: np.ndarray, *, stream: int, num_draws: int) -> np.ndarray:
    """Uniform numbers, shape (B, num_draws), float64, 0 included to 1 excluded, each row from its seed alone.

    `seeds` have the shape (B,), 0 to 2**32 - 1; numbers of different streams (0 or more) are independent.
    """
    keys_B1 = mixed(np.asarray(seeds, np.uint64)[:, None] + np.uint64(mixed(stream)))
    draws_D = np.arange(1, num_draws + 1, dtype=np.uint64) * np.uint64(_GAMMA)
    return (mixed(keys_B1 + draws_D) >> np.uint64(11)) * _UNIT


def mixed(value: _Integers) -> _Integers:
    """Hash of an integer, of which the lowest 64 bits count, or of an array of uint64: 0 to 2**64 - 1."""
    value = (value + _GAMMA) & _MASK
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)
