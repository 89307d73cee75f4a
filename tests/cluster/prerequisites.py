"""What a machine must have before a cluster can be started on it: one sentence for each thing that is missing."""

from collections.abc import Iterator
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

from tests.cluster.go_modules import needed_go

PREPARE = "tools/prepare_cluster_machine"
# Program: the Debian package that has it.
COMMANDS = {
    "busybox": "busybox-static",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "iptables": "iptables",
    "mount": "mount",
    "nsenter": "util-linux",
    "runc": "runc",
    "setpriv": "util-linux",
    "setsid": "util-linux",
    "unshare": "util-linux",
}


class MissingPrerequisitesError(RuntimeError):
    """This machine cannot start a cluster; the message has one sentence a line."""


def check_prerequisites() -> None:
    """Raise `MissingPrerequisitesError` with all that is missing, or return."""
    missing = list(missing_prerequisites())
    if missing:
        raise MissingPrerequisitesError("\n".join(missing))


def missing_prerequisites() -> Iterator[str]:
    """One sentence for each thing that a cluster needs and this machine has not."""
    if sys.platform != "linux":
        yield f"a cluster needs Linux, this is {sys.platform}; use kind or minikube here"
        return
    if os.geteuid() != 0:
        yield "a cluster must be started as root, for it makes namespaces, mounts and cgroups; use sudo"
    yield from _missing_go()
    for command, package in COMMANDS.items():
        if shutil.which(command) is None:
            yield f"a cluster needs {command}, which is not installed; {PREPARE} installs Debian's package {package}"
    busybox = shutil.which("busybox")
    if busybox is not None and b"/ld-linux" in Path(busybox).read_bytes()[:4096]:
        yield f"a cluster needs a static busybox, this one needs libraries; {PREPARE} installs busybox-static"
    if not Path("/sys/fs/cgroup").is_mount() and not list(Path("/sys/fs/cgroup").glob("*/cgroup.procs")):
        yield "a cluster needs cgroups mounted at /sys/fs/cgroup, there are none"


def _missing_go() -> Iterator[str]:
    needed = f"a cluster's programs are built by Go {'.'.join(map(str, needed_go()))} or newer"
    remedy = "install it from https://go.dev/dl/, for Debian's is older, and put its bin folder on PATH"
    if shutil.which("go") is None:
        yield f"{needed}, which is not installed; {remedy}"
        return
    local = {**os.environ, "GOTOOLCHAIN": "local"}
    asked = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=False, env=local)
    version = re.match(r"go(\d+(?:\.\d+)*)", asked.stdout)
    if version is None:
        yield f"{needed}, the one here does not answer: {(asked.stderr or asked.stdout).strip()}; {remedy}"
    elif tuple(int(part) for part in version[1].split(".")) < needed_go():
        yield f"{needed}, this is {version[1]}; {remedy}"
