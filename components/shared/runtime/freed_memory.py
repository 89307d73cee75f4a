"""Memory that a process frees stays with it, for what it needs next.

Batches and activations are megabytes each, a step makes the same ones again, and glibc returns such blocks to the
system when they are freed: every step then pays for fresh pages, which the kernel clears first. On two cores that took
a sixth of the processor's time of a whole run on photos.
"""

import ctypes
import os

TRIM_THRESHOLD_BYTES = 256 << 20
MMAP_THRESHOLD_BYTES = 32 << 20  # the largest that every glibc takes
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
_USERS_OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep_freed_memory() -> bool:
    """Let this process and those that it forks keep what they free.

    Blocks of up to `MMAP_THRESHOLD_BYTES` come from heaps. The main heap gives its end back only where more than
    `TRIM_THRESHOLD_BYTES` of it are free; what lies free below a block in use stays, as much as it may be. A thread's
    heaps are of 64 MiB each, and one that empties goes back.

    Returns
    -------
    bool
        Whether the C library took it: one that is not glibc does not, nor is it asked where the environment already
        says how (`MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_THRESHOLD_`, or `glibc.malloc` in `GLIBC_TUNABLES`).
    """
    if any(name in os.environ for name in _USERS_OWN) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)) and bool(mallopt(_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES))
