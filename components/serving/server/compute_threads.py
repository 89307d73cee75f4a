"""How many threads one prediction uses: the cores that this process may use, not those of the machine."""

import os
from pathlib import Path

import torch

_MAX_THREADS = 8
_CGROUP_CPU = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(cgroup_cpu: Path = _CGROUP_CPU) -> int:
    """Cores that this process may use: the smaller of its affinity and its control group's limit.

    Parameters
    ----------
    cgroup_cpu
        The control group's `cpu.max`: quota and period in microseconds, or `max` for no limit.

    Returns
    -------
    int
        1 or more.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = cgroup_cpu.read_text().split()
        limit = cores if quota == "max" else max(1, round(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return cores
    return min(cores, limit)


def limit_compute_threads() -> None:
    """Let torch use the usable cores, at most 8, unless `OMP_NUM_THREADS` says otherwise."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(usable_cores(), _MAX_THREADS))
