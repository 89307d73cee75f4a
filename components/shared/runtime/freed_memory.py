"""Keeps the memory that a process frees for its next allocations.

Batches and activations are megabytes each, and every step allocates the same ones again. By default glibc returns such
blocks to the system when they are freed, so that every step pays for fresh pages, which the kernel clears first. On two
cores that took a sixth of the processor time of a whole run on photos.
"""

import ctypes
import os

TRIM_THRESHOLD_BYTES = 256 << 20
MMAP_THRESHOLD_BYTES = 32 << 20  # the largest that every glibc takes
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
_USER_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep_freed_memory() -> bool:
    """Let this process and its forks keep the memory that they free.

    Blocks of up to `MMAP_THRESHOLD_BYTES` come from heaps. The main heap returns its end only where more than
    `TRIM_THRESHOLD_BYTES` of it are free; what lies free below a block in use always stays. A thread's heaps are of 64
    MiB each, and an empty one is returned.

    Returns
    -------
    bool
        Whether it was set. It is not where the C library is not glibc, or where the environment already configures it
        (`MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_THRESHOLD_`, or `glibc.malloc` in `GLIBC_TUNABLES`).
    """
    if any(name in os.environ for name in _USER_VARIABLES) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)) and bool(mallopt(_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES))
