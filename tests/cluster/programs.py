"""The programs of a Kubernetes node, built from pinned Go modules and kept by a digest of what they are built from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
import platform
import re
import resource
import shutil
import signal
import subprocess
import time

from components.shared.runtime.folder_lock import folder_lock

SOURCES = Path(__file__).parent / "programs"
CACHE_VARIABLE = "PLUSZERO_CLUSTER_CACHE"
# Go's own caches while it builds, and the programs.
DISK_TO_BUILD_BYTES = 12 * 10**9
UNUSED_DAYS = 30

_CONTAINERD = "github.com/containerd/containerd/v2/cmd"
_CNI = "github.com/containernetworking/plugins/plugins"
_KUBERNETES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
    "kubeadm",
)


class BuildError(RuntimeError):
    """A program could not be built."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GoModule:
    """A folder with a `go.mod` and a `go.sum`, and what is built by them: modules of others, or a `main.go` of ours.

    Attributes
    ----------
    name
        The folder's name in `programs/`.
    packages
        Path of each program below the folder that the module is built into: its Go package.
    version_package
        Where the version of `k8s.io/kubernetes` is written into the programs, if it must be.
    """

    name: str
    packages: Mapping[str, str]
    version_package: str | None = None

    @property
    def sources(self) -> Path:
        """The folder of `go.mod`."""
        return SOURCES / self.name

    def linker_flags(self) -> str:
        """What the linker is told: no symbols, and the version where a program must know it."""
        if self.version_package is None:
            return "-s -w"
        version = kubernetes_version()
        major, minor = version.removeprefix("v").split(".")[:2]
        told = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
        return "-s -w " + " ".join(f"-X {self.version_package}.{key}={value}" for key, value in told.items())

    def digest(self, go: str) -> str:
        """What the programs depend on, 16 hexadecimal digits; `go` names compiler and platform."""
        files = (self.sources / name for name in ("go.mod", "go.sum", "main.go"))
        pinned = [file.read_text(encoding="utf-8") for file in files if file.exists()]
        parts = [go, *pinned, self.linker_flags(), *(f"{path} {self.packages[path]}" for path in sorted(self.packages))]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


GO_MODULES = (
    GoModule(name="etcd", packages={"etcd": "go.etcd.io/etcd/server/v3"}),
    GoModule(
        name="kubernetes",
        packages={name: f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES},
        version_package="k8s.io/component-base/version",
    ),
    GoModule(
        name="containerd",
        packages={
            **{name: f"{_CONTAINERD}/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")},
            **{f"cni/{Path(name).name}": f"{_CNI}/{name}" for name in ("main/bridge", "main/loopback")},
            **{f"cni/{Path(name).name}": f"{_CNI}/{name}" for name in ("ipam/host-local", "meta/portmap")},
        },
    ),
    GoModule(name="coredns", packages={"coredns": "github.com/coredns/coredns"}),
    GoModule(name="pause", packages={"pause": "pluszero-mlops/pause"}),
    GoModule(name="versitygw", packages={"versitygw": "github.com/versity/versitygw/cmd/versitygw"}),
    # No part of a node: it judges the workflows, and wants Go as they do.
    GoModule(name="actionlint", packages={"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"}),
)


def kubernetes_version() -> str:
    """The version that is pinned, such as v1.37.2."""
    return pinned_version("kubernetes", "k8s.io/kubernetes")


def pinned_version(module: str, dependency: str) -> str:
    """The version of `dependency` in a module's `go.mod`."""
    text = (SOURCES / module / "go.mod").read_text(encoding="utf-8")
    found = re.search(rf"^(?:require )?\s*{re.escape(dependency)} (v\S+)", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"go.mod of {module} must name a version of {dependency}, it names none")
    return found[1]


def needed_go() -> tuple[int, ...]:
    """The oldest Go that builds every module."""
    lines = (re.search(r"^go (\S+)", (each.sources / "go.mod").read_text("utf-8"), re.MULTILINE) for each in GO_MODULES)
    return max(tuple(int(part) for part in line[1].split(".")) for line in lines if line)


def cache_folder() -> Path:
    """Where programs are kept: `PLUSZERO_CLUSTER_CACHE`, else a folder of the user's own cache."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(CACHE_VARIABLE) or caches / "pluszero-mlops" / "cluster").resolve()


def programs(say: Callable[[str], None] = print) -> list[Path]:
    """Folders that hold every program, built where they are not kept yet.

    Parameters
    ----------
    say
        Gets one line a program that is built: its size, and the time and work that it took.

    Raises
    ------
    BuildError
        If Go cannot build a program, or the disk is too full to try.
    """
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    go = _go_and_platform()
    folders = [cache / f"{module.name}-{module.digest(go)}" for module in GO_MODULES]
    with folder_lock(cache):
        missing = [(module, folder) for module, folder in zip(GO_MODULES, folders, strict=True) if not folder.is_dir()]
        if missing:
            _build_all(missing, cache, say)
        for folder in folders:
            os.utime(folder)
        _remove_unused(cache)
    return folders


def _go_and_platform() -> str:
    asked = ["go", "env", "GOVERSION", "GOOS", "GOARCH"]
    return subprocess.run(asked, capture_output=True, text=True, check=True, env=_environment(Path("/"))).stdout


def go_architecture() -> str:
    """This machine's, as Go and container images name it."""
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    return names.get(platform.machine(), platform.machine())


def _build_all(missing: Sequence[tuple[GoModule, Path]], cache: Path, say: Callable[[str], None]) -> None:
    free = shutil.disk_usage(cache).free
    if free < DISK_TO_BUILD_BYTES:
        raise BuildError(
            f"building the cluster's programs takes {DISK_TO_BUILD_BYTES / 1e9:.0f} GB of free disk in {cache}, "
            f"there are {free / 1e9:.0f} GB; free some, or name another folder by {CACHE_VARIABLE}"
        )
    begun, work = time.monotonic(), _work_s()
    go_caches = cache / "go"
    peak = 0
    try:
        for module, folder in missing:
            _build(module, folder, go_caches, say)
            peak = max(peak, folder_bytes(cache))
    finally:
        for folder in (go_caches, *cache.glob("*.unfinished")):
            shutil.rmtree(folder, ignore_errors=True)
    say(
        f"Programs built in {time.monotonic() - begun:.0f} s ({_work_s() - work:.0f} s of work): "
        f"{folder_bytes(cache) / 1e9:.1f} GB in {cache}, {peak / 1e9:.1f} GB while building"
    )


def _build(module: GoModule, folder: Path, go_caches: Path, say: Callable[[str], None]) -> None:
    """Build a module's programs into `folder`, which is there only when all of them are."""
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for path, package in module.packages.items():
        begun, work = time.monotonic(), _work_s()
        program = unfinished / path
        program.parent.mkdir(parents=True, exist_ok=True)
        options = ["-mod=readonly", "-modcacherw", "-buildvcs=false", "-trimpath", "-ldflags", module.linker_flags()]
        _run(["go", "build", *options, "-o", str(program), package], module.sources, _environment(go_caches))
        took, worked = time.monotonic() - begun, _work_s() - work
        say(f"{module.name}: {path}, {program.stat().st_size / 1e6:.0f} MB in {took:.0f} s ({worked:.0f} s of work)")
    unfinished.rename(folder)


def _environment(go_caches: Path) -> dict[str, str]:
    """Go's own settings (its proxy among them), with caches that can be removed and no cgo."""
    ours = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
    caches = {"GOCACHE": str(go_caches / "build"), "GOMODCACHE": str(go_caches / "modules")}
    return {**os.environ, **ours, **caches}


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run a build that ends with all its compilers when this process is interrupted."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    try:
        output, _ = process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if process.returncode != 0:
        said = [line for line in output.splitlines() if line.strip() and not line.startswith("go: downloading")]
        raise BuildError(f"{' '.join(command[:2])} {command[-1]} failed: {' | '.join(said[-5:])}")


def _remove_unused(cache: Path) -> None:
    """Remove programs of other versions that nobody has started for a month."""
    for folder in cache.glob("*-????????????????"):
        if time.time() - folder.stat().st_mtime > UNUSED_DAYS * 86400:
            shutil.rmtree(folder, ignore_errors=True)


def folder_bytes(folder: Path) -> int:
    """What a folder takes on disk, in bytes."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def _work_s() -> float:
    """CPU seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
