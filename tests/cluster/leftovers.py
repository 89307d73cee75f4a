"""What a cluster could leave behind on a machine: processes, mounts, network namespaces, cgroups, folders."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import re
import time

from tests.cluster.cgroups import hierarchies
from tests.cluster.programs import cache_folder

# A cluster's own things by their names; others may come and go on the machine at the same time.
_OURS = re.compile(r"pluszero-|kubelet|kubepods|containerd|cri-|/cni|running/")
_FOLDERS = ("/run/containerd", "/run/netns", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers", "/var/log/pods")


@dataclass(frozen=True, slots=True)
class MachineState:
    """Everything of which a cluster makes some, each thing in words."""

    things: frozenset[str]

    @classmethod
    def now(cls) -> "MachineState":
        """As it is."""
        return cls(frozenset([*_processes(), *_mounts(), *_networks(), *_cgroups(), *_folders()]))

    def left_since(self, *, patience_s: float = 10) -> list[str]:
        """What is there now and was not then, and does not go away by itself within `patience_s`."""
        give_up = time.monotonic() + patience_s
        while (left := sorted(MachineState.now().things - self.things)) and time.monotonic() < give_up:
            time.sleep(0.2)
        return left


def _processes() -> Iterator[str]:
    """Processes that run a program of the cluster, or that a cgroup of the cluster holds."""
    for pid in (path.name for path in Path("/proc").iterdir() if path.name.isdigit()):
        try:
            program = Path(f"/proc/{pid}/exe").readlink()
            cgroups = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
        except OSError:
            continue
        if program.is_relative_to(cache_folder()) or re.search(r":/pluszero-", cgroups):
            yield f"process {pid} {program}"


def _mounts() -> Iterator[str]:
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        if _OURS.search(line):
            yield f"mount {line.split()[1]}"


def _networks() -> Iterator[str]:
    folder = Path("/run/netns")
    for path in folder.iterdir() if folder.is_dir() else []:
        yield f"network namespace {path.name}"


def _cgroups() -> Iterator[str]:
    for hierarchy in hierarchies():
        for path in hierarchy.rglob("*"):
            if _OURS.search(path.name) and path.is_dir():
                yield f"cgroup {path}"


def _folders() -> Iterator[str]:
    for folder in (*_FOLDERS, *(str(path) for path in (cache_folder() / "running").glob("*/"))):
        if Path(folder).exists():
            yield f"folder {folder}"
