"""What each program of a one-node cluster is told: its command line, and the files that it reads.

Paths are those inside the cluster's own mounts, where `HOME` is the cluster's folder.
"""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from tests.cluster.go_modules import kubernetes_version

HOME = "/run/cluster"
# A network that is nobody else's: the node's own, pods, services.
NODE_ADDRESS = "10.250.0.1"
POD_NETWORK = "10.244.0.0/16"
NODE_PODS = "10.244.0.0/24"
SERVICE_NETWORK = "10.96.0.0/16"
DNS_ADDRESS = "10.96.0.10"
DNS_PORT = 5353
PAUSE_IMAGE = "localhost/pause:1"
KUBECONFIG = f"{HOME}/kubeconfig/super-admin.conf"
_PKI = f"{HOME}/pki"
_CONTAINERD = "/run/containerd/containerd.sock"


def _kubeconfig(who: str) -> str:
    return f"{HOME}/kubeconfig/{who}.conf"


def kubeadm() -> list[dict[str, Any]]:
    """Of what kubeadm writes, only certificates and kubeconfigs are used."""
    version = "kubeadm.k8s.io/v1beta4"
    return [
        {
            "apiVersion": version,
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": NODE_ADDRESS, "bindPort": 6443},
            "nodeRegistration": {"name": "node", "criSocket": f"unix://{_CONTAINERD}"},
        },
        {
            "apiVersion": version,
            "kind": "ClusterConfiguration",
            "kubernetesVersion": kubernetes_version(),
            "certificatesDir": _PKI,
            "controlPlaneEndpoint": "127.0.0.1:6443",
            "networking": {"podSubnet": POD_NETWORK, "serviceSubnet": SERVICE_NETWORK},
            "apiServer": {"certSANs": ["127.0.0.1", "localhost"]},
        },
    ]


def kubelet(cgroup: str) -> dict[str, Any]:
    """The node's agent, below a cgroup of the cluster's own."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{_PKI}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        # A container that ends in error is started anew at once, and not after minutes.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "1s"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{_CONTAINERD}",
        "podLogsDir": f"{HOME}/pod-logs",
        "resolvConf": f"{HOME}/resolv.conf",
        # No registry brings back what a full disk would make the kubelet delete.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "evictionPressureTransitionPeriod": "5s",
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }


def containerd(cni_programs: Path) -> str:
    """The container engine; this kernel may not let it raise its own priority, nor need it manage systemd's cgroups."""
    return f"""\
version = 3
root = "{HOME}/containerd"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{PAUSE_IMAGE}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["{cni_programs}"]
  conf_dir = "{HOME}/cni"
"""


def pod_network() -> dict[str, Any]:
    """Pods hang on a bridge; there is nothing behind the node to hide them from."""
    addresses = {
        "type": "host-local",
        "dataDir": f"{HOME}/cni-addresses",
        "ranges": [[{"subnet": NODE_PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True}
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [{**bridge, "ipam": addresses}, portmap]}


COREFILE = f"""\
.:{DNS_PORT} {{
  errors
  bind {NODE_ADDRESS}
  kubernetes cluster.local in-addr.arpa ip6.arpa {{
    kubeconfig {KUBECONFIG}
  }}
}}
"""


def files(cni_programs: Path, cgroup: str) -> Mapping[str, str]:
    """Every file that the programs read, by its path in the cluster's folder."""
    # Of a request that has only arrived nobody has decided yet whether it is allowed.
    rules = {"rules": [{"level": "Metadata"}], "omitStages": ["RequestReceived"]}
    audit = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", **rules}
    return {
        "kubeadm.yaml": "\n---\n".join(json.dumps(document) for document in kubeadm()),
        "audit.json": json.dumps(audit),
        "cni/10-pods.conflist": json.dumps(pod_network()),
        "containerd.toml": containerd(cni_programs),
        "resolv.conf": f"nameserver {DNS_ADDRESS}\n",
        "kubelet.json": json.dumps(kubelet(cgroup)),
        "Corefile": COREFILE,
    }


def etcd() -> list[str]:
    """The store; what it holds need not outlive a crash."""
    peers, clients = "http://127.0.0.1:2380", "http://127.0.0.1:2379"
    addresses = ["--listen-client-urls", clients, "--advertise-client-urls", clients, "--listen-peer-urls", peers]
    return ["etcd", "--data-dir", f"{HOME}/etcd", *addresses, "--unsafe-no-fsync", "--log-level", "warn"]


def api_server() -> list[str]:
    """The API server, with an audit log of who asked for what."""
    header = "--requestheader"
    return [
        "kube-apiserver",
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={NODE_ADDRESS}",
        "--secure-port=6443",
        "--allow-privileged=true",
        f"--client-ca-file={_PKI}/ca.crt",
        f"--tls-cert-file={_PKI}/apiserver.crt",
        f"--tls-private-key-file={_PKI}/apiserver.key",
        f"--kubelet-client-certificate={_PKI}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={_PKI}/apiserver-kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={_PKI}/sa.pub",
        f"--service-account-signing-key-file={_PKI}/sa.key",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction,ResourceQuota",
        f"{header}-client-ca-file={_PKI}/front-proxy-ca.crt",
        f"{header}-username-headers=X-Remote-User",
        f"{header}-group-headers=X-Remote-Group",
        f"{header}-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={_PKI}/front-proxy-client.crt",
        f"--proxy-client-key-file={_PKI}/front-proxy-client.key",
        f"--audit-policy-file={HOME}/audit.json",
        f"--audit-log-path={HOME}/logs/audit.log",
    ]


def controller_manager() -> list[str]:
    """The controllers; they exit where the roles that they need are not there yet, so only after the API server."""
    who = _kubeconfig("controller-manager")
    return [
        "kube-controller-manager",
        f"--kubeconfig={who}",
        f"--authentication-kubeconfig={who}",
        f"--authorization-kubeconfig={who}",
        f"--root-ca-file={_PKI}/ca.crt",
        f"--service-account-private-key-file={_PKI}/sa.key",
        f"--cluster-signing-cert-file={_PKI}/ca.crt",
        f"--cluster-signing-key-file={_PKI}/ca.key",
        "--use-service-account-credentials=true",
        "--controllers=*",
        "--leader-elect=false",
        "--allocate-node-cidrs=true",
        f"--cluster-cidr={POD_NETWORK}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
    ]


def scheduler() -> list[str]:
    """The scheduler; like the controllers, only after the API server."""
    who = _kubeconfig("scheduler")
    access = [f"--kubeconfig={who}", f"--authentication-kubeconfig={who}", f"--authorization-kubeconfig={who}"]
    return ["kube-scheduler", *access, "--leader-elect=false"]


def kubelet_command() -> list[str]:
    """The node's agent."""
    files = [f"--config={HOME}/kubelet.json", f"--kubeconfig={_kubeconfig('kubelet')}", f"--root-dir={HOME}/kubelet"]
    return ["kubelet", *files, "--hostname-override=node", f"--node-ip={NODE_ADDRESS}"]


def kube_proxy() -> list[str]:
    """Services, as rules of iptables; the machine's limit of connections is not a namespace's to set."""
    limits = ["--conntrack-max-per-core=0"]
    where = ["--proxy-mode=iptables", "--hostname-override=node", f"--cluster-cidr={POD_NETWORK}"]
    return ["kube-proxy", f"--kubeconfig={KUBECONFIG}", *where, *limits]
