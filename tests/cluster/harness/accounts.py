"""Acts as an account of the cluster, with what it may do and no more."""

import json
from pathlib import Path

import yaml

from tests.cluster.cluster import Cluster

ROLE = Path(__file__).resolve().parents[3] / "manifests" / "base" / "launcher-role.yaml"


def place_launcher(cluster: Cluster, namespace: str, account: str) -> None:
    """Make a namespace with restricted pods, and in it an account with the launcher's role."""
    rbac = "rbac.authorization.k8s.io"
    role = yaml.safe_load(ROLE.read_text(encoding="utf-8"))
    role["metadata"]["namespace"] = namespace
    inside = {"name": account, "namespace": namespace}
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": inside},
        role,
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": inside,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": role["metadata"]["name"]},
            "subjects": [{"kind": "ServiceAccount", **inside}],
        },
    ]
    cluster.kubectl("apply", "-f", "-", stdin="\n---\n".join(map(json.dumps, objects)))
    cluster.kubectl("wait", "--for=create", "--timeout=120s", "-n", namespace, "serviceaccount/default")


def kubeconfig_of(cluster: Cluster, namespace: str, account: str, folder: Path) -> Path:
    """A kubeconfig that holds nothing but an account's token, for programs of the node."""
    given = json.loads(cluster.kubectl("config", "view", "--raw", "-o", "json"))
    token = cluster.kubectl("create", "token", "-n", namespace, account).strip()
    given["users"] = [{"name": account, "user": {"token": token}}]
    given["contexts"] = [{"name": account, "context": {"cluster": given["clusters"][0]["name"], "user": account}}]
    given["current-context"] = account
    file = folder / "kubeconfig.json"
    file.write_text(json.dumps(given), encoding="utf-8")
    return file
