"""A one-node Kubernetes in Linux namespaces of its own, with no way out: started, asked, ended."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
from dataclasses import dataclass
import json
from pathlib import Path
import shutil
import subprocess
import time

from components.shared.runtime.folder_lock import folder_lock
from tests.cluster import configuration
from tests.cluster.cgroups import make_cgroup, remove_cgroup
from tests.cluster.image_archive import image_archive
from tests.cluster.namespaces import Namespaces
from tests.cluster.prerequisites import check_prerequisites
from tests.cluster.programs import cache_folder, programs

_PATIENCE_S = 180.0
# What the node's programs write outside the cluster's folder, whatever they are told: hidden from the machine.
_HIDDEN = ("/run", "/var/lib/cni", "/var/log/containers")
# A second end of the pair that the node's address sits on, so that it is up; the default route leads nowhere.
_NETWORK = (
    "ip link set lo up",
    "ip link add node0 type veth peer name node1",
    f"ip address add {configuration.NODE_ADDRESS}/24 dev node0",
    "ip link set node0 up",
    "ip link set node1 up",
    "ip route add default dev node0",
)


class ClusterError(RuntimeError):
    """A cluster did not start, or refused what it was asked; the message says what it said."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster by its name; everything that it writes lies in `folder`."""

    name: str

    @property
    def folder(self) -> Path:
        """Its own folder, below that of the programs."""
        return _clusters() / self.name

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of an administrator, as the machine sees it."""
        return self.folder / configuration.KUBECONFIG.removeprefix(f"{configuration.HOME}/")

    @property
    def enter(self) -> Path:
        """A script that runs a command, or a shell, inside the cluster's network and mounts."""
        return self.folder / "enter"

    @property
    def _cgroup(self) -> str:
        return f"pluszero-{self.name}"

    @property
    def _namespaces(self) -> Namespaces | None:
        found = Namespaces.load(self.folder / "namespaces.json")
        return found if found and found.alive() else None

    def is_ready(self) -> bool:
        """Whether it was started whole, and lives."""
        return (self.folder / "ready").exists() and self._namespaces is not None

    def start(self, *, end_with_caller: bool = False, say: Callable[[str], None] = print) -> None:
        """Start it; what a start that was cut short has left is removed first.

        Parameters
        ----------
        end_with_caller
            Whether it ends with this process, however that ends: for tests.
        say
            Gets the lines of progress.

        Raises
        ------
        MissingPrerequisitesError
            If this machine lacks what a cluster needs.
        BuildError
            If a program could not be built.
        ClusterError
            If a program does not become ready.
        """
        check_prerequisites()
        folders = programs(say)
        with folder_lock(_clusters()):
            self._remove()
            _remove_dead()
            begun = time.monotonic()
            try:
                self._start(folders, end_with_caller)
            except BaseException:
                self._remove()
                raise
        say(f"Kubernetes {configuration.kubernetes_version()} is ready after {time.monotonic() - begun:.1f} s")

    def stop(self) -> bool:
        """End it, and remove all that it made; whether there was anything to end."""
        if not self.folder.exists():
            return False
        with folder_lock(_clusters()):
            self._remove()
        return True

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
        images = ["ctr", "-n", "k8s.io", "images"]
        self.run([*images, "import", "-"], stdin=archive)
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

    def _start(self, folders: Sequence[Path], end_with_caller: bool) -> None:
        paths = {program.name: program for folder in folders for program in folder.rglob("*") if program.is_file()}
        self._write_files(paths["bridge"].parent)
        make_cgroup(self._cgroup)
        log = self.folder / "logs" / "namespaces.log"
        namespaces = Namespaces.make(paths["pause"], log, end_with_caller=end_with_caller)
        namespaces.save(self.folder / "namespaces.json")
        self._write_enter(namespaces, folders)
        self._hide()
        for line in _NETWORK:
            self.run(line.split())
        self._write_certificates()
        self._start_control_plane()
        self._start_node(paths["pause"])
        (self.folder / "ready").touch()

    def _write_files(self, cni_programs: Path) -> None:
        for name in ("logs", "pids", "cni", "kubeconfig"):
            (self.folder / name).mkdir(parents=True)
        for name, content in configuration.files(cni_programs, self._cgroup).items():
            (self.folder / name).write_text(content, encoding="utf-8")

    def _write_enter(self, namespaces: Namespaces, folders: Sequence[Path]) -> None:
        path = ":".join(str(folder) for folder in folders)
        # What kubectl remembers of a server goes by its address, which every cluster has.
        settings = f'PATH="{path}:$PATH" KUBECONFIG={configuration.KUBECONFIG} KUBECACHEDIR=/run/kubectl'
        inside = f'export {settings}; cd "$0" 2> /dev/null; exec "$@"'
        command = " ".join(namespaces.command(["sh", "-c", f"'{inside}'", '"$PWD"', '"${@:-sh}"']))
        self.enter.write_text(
            f"#!/bin/sh\n# Runs a command, or a shell, inside the cluster.\nexec {command}\n", "utf-8"
        )
        self.enter.chmod(0o755)

    def _hide(self) -> None:
        """Cover what the programs write elsewhere, with the cluster's folder at a short path that sockets can have."""
        for folder in _HIDDEN:
            if not Path(folder).exists():
                with _made_folders().open("a", encoding="utf-8") as made:
                    made.write(f"{folder}\n")
                Path(folder).mkdir(parents=True)
        home = configuration.HOME
        # The folder itself may lie below what is hidden, so it is held open while that is done.
        hide = "".join(f"mount -t tmpfs tmpfs {folder} && " for folder in _HIDDEN)
        script = f'cd "$1" && {hide} mkdir -p {home} && mount --bind "/proc/self/cwd/." {home}'
        self.run(["sh", "-c", script, "hide", str(self.folder)])

    def _write_certificates(self) -> None:
        config = f"{configuration.HOME}/kubeadm.yaml"
        self.run(["kubeadm", "init", "phase", "certs", "all", "--config", config])
        for who in ("super-admin", "controller-manager", "scheduler", "kubelet"):
            folder = f"{configuration.HOME}/kubeconfig"
            self.run(["kubeadm", "init", "phase", "kubeconfig", who, "--config", config, "--kubeconfig-dir", folder])

    def _start_control_plane(self) -> None:
        self.start_program("etcd", configuration.etcd())
        self.start_program("kube-apiserver", configuration.api_server())
        self.start_program("containerd", ["containerd", "--config", f"{configuration.HOME}/containerd.toml"])
        self._wait_for("kube-apiserver", ["kubectl", "get", "--raw=/readyz"])
        self.start_program("kube-controller-manager", configuration.controller_manager())
        self.start_program("kube-scheduler", configuration.scheduler())
        # The API server asks the kubelet as this user, whose certificate names no group.
        user = "kube-apiserver-kubelet-client"
        self.kubectl("create", "clusterrolebinding", user, "--clusterrole=system:kubelet-api-admin", f"--user={user}")

    def _start_node(self, pause: Path) -> None:
        self._wait_for("containerd", ["ctr", "version"])
        image = image_archive(configuration.PAUSE_IMAGE, {"bin/pause": pause}, entrypoint=["/bin/pause"])
        self.import_image(image)
        self.start_program("kubelet", configuration.kubelet_command())
        self.start_program("kube-proxy", configuration.kube_proxy())
        self.start_program("coredns", ["coredns", "-conf", f"{configuration.HOME}/Corefile"])
        dns = {"port": 53, "target_port": configuration.DNS_PORT, "protocol": "UDP"}
        self.publish_program("kube-system", "kube-dns", address=configuration.DNS_ADDRESS, **dns)
        self._wait_for("kubelet", ["kubectl", "get", "node", "node"])
        self.kubectl("wait", "--for=condition=Ready", "node/node", f"--timeout={_PATIENCE_S:.0f}s")

    def _wait_for(self, program: str, question: Sequence[str]) -> None:
        give_up = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self.run(question)
            except ClusterError as error:
                if time.monotonic() > give_up:
                    raise ClusterError(f"{program} is not ready after {_PATIENCE_S:.0f} s: {error}") from error
                self._check_runs(program)
                time.sleep(0.2)
            else:
                return

    def _check_runs(self, program: str) -> None:
        try:
            self.run(["sh", "-c", f"kill -0 $(cat {configuration.HOME}/pids/{program})"])
        except ClusterError as error:
            log = (self.folder / "logs" / f"{program}.log").read_text(encoding="utf-8", errors="replace")
            raise ClusterError(f"{program} ended: {log.strip()[-500:]}") from error

    def _remove(self) -> None:
        namespaces = self._namespaces
        if namespaces is not None:
            namespaces.end()
        remove_cgroup(self._cgroup)
        if self.folder.exists():
            shutil.rmtree(self.folder)
        if not _names():
            _remove_made_folders()


def _clusters() -> Path:
    return cache_folder() / "running"


def _names() -> list[str]:
    return [path.name for path in _clusters().iterdir() if path.is_dir()] if _clusters().exists() else []


def _remove_dead() -> None:
    """Remove what clusters have left whose process was killed before it could."""
    for name in _names():
        cluster = Cluster(name)
        if cluster._namespaces is None:
            cluster._remove()


def _made_folders() -> Path:
    """Names the folders of the machine that were not there before a cluster covered them."""
    return _clusters() / "made-folders"


def _remove_made_folders() -> None:
    if _made_folders().exists():
        for folder in _made_folders().read_text(encoding="utf-8").split():
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        _made_folders().unlink()


@contextlib.contextmanager
def running_cluster(name: str) -> Iterator[Cluster]:
    """A cluster for the time of a `with` block; it ends with this process, however that ends."""
    cluster = Cluster(name)
    cluster.start(end_with_caller=True)
    try:
        yield cluster
    finally:
        cluster.stop()
