"""How many threads one prediction uses: the cores that this process may use, not those of the machine."""

import os
from pathlib import Path

import torch

from components.shared.runtime.cores import available_cores

_MAX_THREADS = 8
_CGROUP_CPU = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(cgroup_cpu: Path = _CGROUP_CPU) -> int:
    """Cores that this process may use, at least 1: the smaller of its affinity and its control group's `cpu.max`.

    That file holds quota and period in microseconds, or `max` for no limit.
    """
    cores = available_cores()
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
