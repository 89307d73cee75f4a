"""Seeds of examples and draws, from a hash of integers: they depend on nothing but their arguments.

The hash is splitmix64's finaliser, which is a bijection of 64 bits; numpy arrays and Python integers give the same.

References
----------
Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators, OOPSLA; constants of variant 13 of
Stafford.
"""

import numpy as np

_GAMMA = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_MASK = (1 << 64) - 1
_UNIT = 2.0**-53


def example_seed(*, seed: int, epoch: int, row: int) -> int:
    """Seed of one example in one epoch, 0 to 2**32 - 1: it depends on nothing else, so a resumed run repeats it."""
    return mixed(mixed(mixed(seed) + epoch) + row) >> 32


def example_seeds(*, seed: int, epoch: int, rows: np.ndarray) -> np.ndarray:
    """`example_seed` of many rows of one epoch: shape (N,), uint32, from rows of the shape (N,), int."""
    return (_mixed_array(np.uint64(mixed(mixed(seed) + epoch)) + rows.astype(np.uint64)) >> np.uint64(32)).astype(
        np.uint32
    )


def uniforms(seeds: np.ndarray, *, stream: int, num_draws: int) -> np.ndarray:
    """Uniform numbers, shape (B, num_draws), float64, 0 included to 1 excluded, each row from its seed alone.

    `seeds` have the shape (B,), 0 to 2**32 - 1; numbers of different streams (0 or more) are independent.
    """
    keys_B1 = _mixed_array(np.asarray(seeds, np.uint64)[:, None] + np.uint64(mixed(stream)))
    draws_D = np.arange(1, num_draws + 1, dtype=np.uint64) * np.uint64(_GAMMA)
    return (_mixed_array(keys_B1 + draws_D) >> np.uint64(11)) * _UNIT


def mixed(value: int) -> int:
    """Hash of an integer, of which the lowest 64 bits count: 0 to 2**64 - 1."""
    value = (value + _GAMMA) & _MASK
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def _mixed_array(values: np.ndarray) -> np.ndarray:
    values = values + np.uint64(_GAMMA)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(_FIRST)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(_SECOND)
    hashed: np.ndarray = values ^ (values >> np.uint64(31))
    return hashed
