"""Memory that a process frees stays with it, for what it needs next.

Batches and activations are megabytes each, a step makes the same ones again, and glibc returns such blocks to the
system when they are freed: every step then pays for fresh pages, which the kernel clears first. On two cores that took
a sixth of the processor's time of a whole run on photos.
"""

import ctypes
import os

KEPT_BYTES = 256 << 20
_FROM_HEAP_BYTES = 32 << 20  # the largest that every glibc takes
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
_USERS_OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Let this process and those that it forks keep up to `KEPT_BYTES` of what they free, a heap.

    Blocks of over 32 MiB still come from the system and go back to it.

    Returns
    -------
    bool
        Whether the C library took it: one that is not glibc does not, nor is it asked where the environment already
        says how (`MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_THRESHOLD_` or `GLIBC_TUNABLES`).
    """
    if any(name in os.environ for name in _USERS_OWN):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _FROM_HEAP_BYTES)) and bool(mallopt(_TRIM_THRESHOLD, KEPT_BYTES))
