"""How many threads one prediction uses: the cores that this process may use, not those of the machine."""

import os
from pathlib import Path

from components.shared.runtime.cores import available_cores

_MAX_THREADS = 8
_CGROUPS = Path("/sys/fs/cgroup")


def usable_cores(cgroups: Path = _CGROUPS) -> int:
    """Cores that this process may use, at least 1: the smaller of its affinity and its control group's limit.

    The limit is quota and period in microseconds: `cpu.max`, or of the first version of control groups
    `cpu/cpu.cfs_quota_us` and `cpu/cpu.cfs_period_us`; `max` and -1 are none.
    """
    cores = available_cores()
    try:
        quota, period = _limit(cgroups)
        if quota == "max" or int(quota) < 0:
            return cores
        return min(cores, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):
        return cores


def compute_threads() -> int:
    """Threads of one prediction: the usable cores, at most 8, unless `OMP_NUM_THREADS` says otherwise."""
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(said) if said.isdecimal() and int(said) else min(usable_cores(), _MAX_THREADS)


def _limit(cgroups: Path) -> list[str]:
    if (cgroups / "cpu.max").is_file():
        return (cgroups / "cpu.max").read_text().split()
    return [(cgroups / "cpu" / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period")]
