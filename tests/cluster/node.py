"""How a one-node cluster comes up: its namespaces and mounts, the control plane, the node."""

from collections.abc import Sequence
from pathlib import Path
import time

from tests.cluster import configuration
from tests.cluster.cgroups import make_cgroup
from tests.cluster.cluster import Cluster, ClusterError, clusters_folder
from tests.cluster.image_archive import image_archive
from tests.cluster.namespaces import Namespaces

_PATIENCE_S = 180.0
# What the node's programs write outside the cluster's folder, whatever they are told: hidden from the machine.
_HIDDEN = ("/run", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers")
# A second end of the pair that the node's address sits on, so that it is up; the default route leads nowhere.
_NETWORK = (
    "ip link set lo up",
    "ip link add node0 type veth peer name node1",
    f"ip address add {configuration.NODE_ADDRESS}/24 dev node0",
    "ip link set node0 up",
    "ip link set node1 up",
    "ip route add default dev node0",
)


def made_folders() -> Path:
    """A file that names the machine's folders which were not there before a cluster covered them."""
    return clusters_folder() / "made-folders"


def bring_up(cluster: Cluster, folders: Sequence[Path], *, end_with_caller: bool) -> None:
    """Start all programs of a cluster, in their order, until its node is ready.

    Parameters
    ----------
    cluster
        One of which nothing is there yet.
    folders
        Where the programs are.
    end_with_caller
        Whether it ends with this process, however that ends.

    Raises
    ------
    ClusterError
        If a program does not become ready.
    """
    paths = {program.name: program for folder in folders for program in folder.rglob("*") if program.is_file()}
    _write_files(cluster, paths["bridge"].parent)
    make_cgroup(cluster.cgroup)
    log = cluster.folder / "logs" / "namespaces.log"
    namespaces = Namespaces.make(paths["pause"], log, end_with_caller=end_with_caller)
    namespaces.save(cluster.folder / "namespaces.json")
    _write_enter(cluster, namespaces, folders)
    _hide(cluster)
    for line in _NETWORK:
        cluster.run(line.split())
    _write_certificates(cluster)
    _start_control_plane(cluster)
    _start_node(cluster, paths["pause"])
    (cluster.folder / "ready").touch()


def _write_files(cluster: Cluster, cni_programs: Path) -> None:
    for name in ("logs", "pids", "cni", "kubeconfig"):
        (cluster.folder / name).mkdir(parents=True)
    for name, content in configuration.files(cni_programs, cluster.cgroup).items():
        (cluster.folder / name).write_text(content, encoding="utf-8")


def _write_enter(cluster: Cluster, namespaces: Namespaces, folders: Sequence[Path]) -> None:
    path = ":".join(str(folder) for folder in folders)
    # What kubectl remembers of a server goes by its address, which every cluster has.
    settings = f'PATH="{path}:$PATH" KUBECONFIG={configuration.KUBECONFIG} KUBECACHEDIR=/run/kubectl'
    inside = f'export {settings}; cd "$0" 2> /dev/null; exec "$@"'
    command = " ".join(namespaces.command(["sh", "-c", f"'{inside}'", '"$PWD"', '"${@:-sh}"']))
    cluster.enter.write_text(f"#!/bin/sh\n# Runs a command, or a shell, inside the cluster.\nexec {command}\n", "utf-8")
    cluster.enter.chmod(0o755)


def _hide(cluster: Cluster) -> None:
    """Cover what the programs write elsewhere, with the cluster's folder at a short path that sockets can have."""
    for folder in _HIDDEN:
        if not Path(folder).exists():
            with made_folders().open("a", encoding="utf-8") as made:
                made.write(f"{folder}\n")
            Path(folder).mkdir(parents=True)
    home = configuration.HOME
    # The folder itself may lie below what is hidden, so it is held open while that is done.
    hide = "".join(f"mount -t tmpfs tmpfs {folder} && " for folder in _HIDDEN)
    script = f'cd "$1" && {hide} mkdir -p {home} && mount --bind "/proc/self/cwd/." {home}'
    cluster.run(["sh", "-c", script, "hide", str(cluster.folder)])


def _write_certificates(cluster: Cluster) -> None:
    config = f"{configuration.HOME}/kubeadm.yaml"
    cluster.run(["kubeadm", "init", "phase", "certs", "all", "--config", config])
    for who in ("super-admin", "controller-manager", "scheduler", "kubelet"):
        folder = f"{configuration.HOME}/kubeconfig"
        cluster.run(["kubeadm", "init", "phase", "kubeconfig", who, "--config", config, "--kubeconfig-dir", folder])


def _start_control_plane(cluster: Cluster) -> None:
    cluster.start_program("etcd", configuration.etcd())
    cluster.start_program("kube-apiserver", configuration.api_server())
    cluster.start_program("containerd", ["containerd", "--config", f"{configuration.HOME}/containerd.toml"])
    _wait_for(cluster, "kube-apiserver", ["kubectl", "get", "--raw=/readyz"])
    cluster.start_program("kube-controller-manager", configuration.controller_manager())
    cluster.start_program("kube-scheduler", configuration.scheduler())
    # The API server asks the kubelet as this user, whose certificate names no group.
    user = "kube-apiserver-kubelet-client"
    cluster.kubectl("create", "clusterrolebinding", user, "--clusterrole=system:kubelet-api-admin", f"--user={user}")


def _start_node(cluster: Cluster, pause: Path) -> None:
    _wait_for(cluster, "containerd", ["ctr", "version"])
    image = image_archive(configuration.PAUSE_IMAGE, {"bin/pause": pause}, entrypoint=["/bin/pause"])
    cluster.import_image(image)
    cluster.start_program("kubelet", configuration.kubelet_command())
    cluster.start_program("kube-proxy", configuration.kube_proxy())
    cluster.start_program("coredns", ["coredns", "-conf", f"{configuration.HOME}/Corefile"])
    dns = {"port": 53, "target_port": configuration.DNS_PORT, "protocol": "UDP"}
    cluster.publish_program("kube-system", "kube-dns", address=configuration.DNS_ADDRESS, **dns)
    _wait_for(cluster, "kubelet", ["kubectl", "get", "node", "node"])
    cluster.kubectl("wait", "--for=condition=Ready", "node/node", f"--timeout={_PATIENCE_S:.0f}s")


def _wait_for(cluster: Cluster, program: str, question: Sequence[str]) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        try:
            cluster.run(question)
        except ClusterError as error:
            if time.monotonic() > give_up:
                raise ClusterError(f"{program} is not ready after {_PATIENCE_S:.0f} s: {error}") from error
            _check_runs(cluster, program)
            time.sleep(0.2)
        else:
            return


def _check_runs(cluster: Cluster, program: str) -> None:
    try:
        cluster.run(["sh", "-c", f"kill -0 $(cat {configuration.HOME}/pids/{program})"])
    except ClusterError as error:
        log = (cluster.folder / "logs" / f"{program}.log").read_text(encoding="utf-8", errors="replace")
        raise ClusterError(f"{program} ended: {log.strip()[-500:]}") from error
