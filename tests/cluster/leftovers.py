"""What a cluster could leave behind on a machine: processes, mounts, network namespaces, cgroups, folders."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import re
import time

from tests.cluster.cgroups import hierarchies
from tests.cluster.cluster import all_clusters
from tests.cluster.programs import cache_folder

# A cluster's own things by their names; other programs' come and go on the machine at the same time.
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
        """What is there now and was not then, and does not go away by itself within `patience_s`.

        What belongs to a cluster that lives was not left.
        """
        give_up = time.monotonic() + patience_s
        while (left := self._left()) and time.monotonic() < give_up:
            time.sleep(0.2)
        return left

    def _left(self) -> list[str]:
        theirs = _things_of_the_living()
        return sorted(thing for thing in MachineState.now().things - self.things if not theirs.search(thing))


def _things_of_the_living() -> re.Pattern[str]:
    """Finds what belongs to clusters that run beside, in a thing's words."""
    living = {cluster.name: cluster.namespaces for cluster in all_clusters()}
    found = [rf"pluszero-{re.escape(name)}(/|$)|running/{re.escape(name)}$" for name, lives in living.items() if lives]
    found += [rf"process {pid} " for lives in living.values() if lives for pid in lives.processes()]
    # Every cluster covers these, and the last one removes them.
    return re.compile("|".join([*found, "folder /var/(lib/cni|lib/kubelet|log/containers)$"] if found else ["(?!)"]))


def _processes() -> Iterator[str]:
    """Processes that run a program of the cluster, or that a cgroup of the cluster holds."""
    for pid in (path.name for path in Path("/proc").iterdir() if path.name.isdigit()):
        try:
            program = Path(f"/proc/{pid}/exe").readlink()
            cgroups = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
        except OSError:
            continue
        held = re.search(r":/(pluszero-[^/\s]+)", cgroups)
        if held or program.is_relative_to(cache_folder()):
            yield f"process {pid} {program}" + (f" in {held[1]}" if held else "")


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
