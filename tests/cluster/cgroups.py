"""A cluster's own place below every mounted cgroup hierarchy."""

import contextlib
import os
from pathlib import Path
import time

ROOT = Path("/sys/fs/cgroup")


def hierarchies() -> list[Path]:
    """The mounted hierarchies: one for version 2, one a controller for version 1."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return sorted({path.resolve() for path in ROOT.iterdir() if (path / "cgroup.procs").exists()})


def make_cgroup(name: str) -> None:
    """Make a cgroup of that name in every hierarchy, with the controllers that a kubelet asks for."""
    for hierarchy in hierarchies():
        if (hierarchy / "cgroup.controllers").exists():
            _hand_on_controllers(hierarchy)
        (hierarchy / name).mkdir(exist_ok=True)


def _hand_on_controllers(hierarchy: Path) -> None:
    """Version 2: children get only the controllers that their parent names."""
    for controller in (hierarchy / "cgroup.controllers").read_text(encoding="ascii").split():
        with contextlib.suppress(OSError):
            (hierarchy / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")


def remove_cgroup(name: str, *, patience_s: float = 10) -> None:
    """Remove a cgroup and all below it from every hierarchy, once its processes have ended."""
    give_up = time.monotonic() + patience_s
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy / name, topdown=False):
            while not _removed(Path(folder)) and time.monotonic() < give_up:
                time.sleep(0.05)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
