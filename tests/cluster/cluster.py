"""A one-node Kubernetes in Linux namespaces of its own, with no way out: where it lies, and what it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
import json
from pathlib import Path
import subprocess

from tests.cluster import configuration
from tests.cluster.namespaces import Namespaces
from tests.cluster.programs import cache_folder


class ClusterError(RuntimeError):
    """A cluster did not start, or refused what it was asked; the message says what it said."""


def clusters_folder() -> Path:
    """Where each cluster has its folder."""
    return cache_folder() / "running"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster by its name; everything that it writes lies in `folder`."""

    name: str

    @property
    def folder(self) -> Path:
        """Its own folder, below that of the programs."""
        return clusters_folder() / self.name

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of an administrator, as the machine sees it."""
        return self.folder / configuration.KUBECONFIG.removeprefix(f"{configuration.HOME}/")

    @property
    def enter(self) -> Path:
        """A script that runs a command, or a shell, inside the cluster's network and mounts."""
        return self.folder / "enter"

    @property
    def cgroup(self) -> str:
        """The name of its place below every cgroup hierarchy."""
        return f"pluszero-{self.name}"

    @property
    def namespaces(self) -> Namespaces | None:
        """Its Linux namespaces, where they live."""
        found = Namespaces.load(self.folder / "namespaces.json")
        return found if found and found.alive() else None

    def is_ready(self) -> bool:
        """Whether it was started whole, and lives."""
        return (self.folder / "ready").exists() and self.namespaces is not None

    def run(self, command: Sequence[str], *, stdin: str | bytes | None = None) -> str:
        """What a command says that runs inside the cluster's network and mounts.

        Raises
        ------
        ClusterError
            If it fails; the message is what it wrote to standard error.
        """
        given = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run([str(self.enter), *command], input=given, capture_output=True, check=False)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise ClusterError(said or f"{command[0]} ended with {done.returncode}")
        return done.stdout.decode()

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl says, as an administrator."""
        return self.run(["kubectl", *arguments], stdin=stdin)

    def import_image(self, archive: bytes) -> None:
        """Give the node an image that no registry could bring, and keep it."""
        self.run(["ctr", "-n", "k8s.io", "images", "import", "-"], stdin=archive)
        self.pin_images()

    def pin_images(self) -> None:
        """Keep every image on the node, whatever the kubelet would like to remove."""
        images = ["ctr", "-n", "k8s.io", "images"]
        for tag in self.run([*images, "list", "-q"]).split():
            self.run([*images, "label", tag, "io.cri-containerd.pinned=pinned"])

    def start_program(self, name: str, command: Sequence[str]) -> None:
        """Start a program on the node, in the background; `logs/NAME.log` gets what it says."""
        log = f"{configuration.HOME}/logs/{name}.log"
        script = f'setsid "$@" < /dev/null > {log} 2>&1 & echo $! > {configuration.HOME}/pids/{name}'
        self.run(["sh", "-c", script, name, *command])

    def publish_program(
        self, namespace: str, name: str, *, port: int, target_port: int, protocol: str = "TCP", address: str = ""
    ) -> None:
        """Give pods a Service for a program that listens on the node."""
        ports = [{"name": "main", "port": port, "targetPort": target_port, "protocol": protocol}]
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"ports": ports, **({"clusterIP": address} if address else {})},
        }
        labels = {"kubernetes.io/service-name": name}
        endpoints = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": f"{name}-node", "namespace": namespace, "labels": labels},
            "addressType": "IPv4",
            "ports": [{"name": "main", "port": target_port, "protocol": protocol}],
            "endpoints": [{"addresses": [configuration.NODE_ADDRESS], "conditions": {"ready": True}}],
        }
        self.kubectl("apply", "-f", "-", stdin="\n---\n".join(json.dumps(each) for each in (service, endpoints)))


def all_clusters() -> list[Cluster]:
    """Every cluster that has a folder, whether it lives or not."""
    folder = clusters_folder()
    return [Cluster(path.name) for path in folder.iterdir() if path.is_dir()] if folder.exists() else []
