"""Which Go modules the programs of a cluster are built from, and what else of them is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import hashlib
from pathlib import Path
import re

SOURCES = Path(__file__).parent / "programs"

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


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleFolder:
    """A folder by its path in a Go module."""

    module: str
    path: str


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
    manifests
        Folders of modules that are kept beside the programs, by the path that each is kept at.
    """

    name: str
    packages: Mapping[str, str]
    version_package: str | None = None
    manifests: Mapping[str, ModuleFolder] = field(default_factory=dict)

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
        built = (f"{path} {self.packages[path]}" for path in sorted(self.packages))
        kept = (f"{path} {folder.module} {folder.path}" for path, folder in sorted(self.manifests.items()))
        parts = [go, *pinned, self.linker_flags(), *built, *kept]
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
    # No part of a node: controllers that people install, with the manifests that they install them by.
    GoModule(
        name="trainer",
        packages={
            "trainer-controller-manager": "github.com/kubeflow/trainer/v2/cmd/trainer-controller-manager",
            "jobset": "sigs.k8s.io/jobset",
        },
        manifests={
            "trainer-manifests": ModuleFolder(module="github.com/kubeflow/trainer/v2", path="manifests"),
            "jobset-manifests": ModuleFolder(module="sigs.k8s.io/jobset", path="config"),
        },
    ),
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


# Built by `make test-kueue` alone: it takes more work than all the others of `make test-cluster` together may.
KUEUE = GoModule(
    name="kueue",
    packages={"kueue": "sigs.k8s.io/kueue/cmd/kueue"},
    manifests={"kueue-manifests": ModuleFolder(module="sigs.k8s.io/kueue", path="config")},
)
