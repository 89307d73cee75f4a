"""`pluszero check-cluster` against a real API server: a cluster that lacks nothing, and one fault at a time."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
import json
from pathlib import Path
import sys

import pytest

from components.cluster.checks.namespace import RUNTIME
from tests.cluster import configuration
from tests.cluster.cluster import ClusterError
from tests.cluster.harness.node_gpus import give_gpus, take_gpus

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE, PROGRAMS = "checked", "zz-programs"
REGISTRY = "registry.example/team"
DEPLOYMENTS = {
    "ml-pipeline": "kfp-api-server:2.17.0",
    "workflow-controller": "workflow-controller:v4.0.5",
    "kserve-controller-manager": "kserve-controller:v0.20.1",
    "kueue-controller-manager": "kueue:v0.17.0",
    "kubeflow-trainer-controller-manager": "trainer-controller-manager:v2.3.0",
}
KINDS = {
    "Workflow": ("argoproj.io", "v1alpha1", "workflows"),
    "ClusterQueue": ("kueue.x-k8s.io", "v1beta2", "clusterqueues"),
    "ClusterStorageContainer": ("serving.kserve.io", "v1alpha1", "clusterstoragecontainers"),
    "ClusterTrainingRuntime": ("trainer.kubeflow.org", "v1alpha1", "clustertrainingruntimes"),
}
RESTRICTED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def definition(kind):
    """A kind of which the cluster takes any object: those of other programs that are only looked at."""
    group, version, plural = KINDS[kind]
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def custom(kind, name, **content):
    group, version, _ = KINDS[kind]
    return {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": {"name": name}, **content}


def deployment(name, image):
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": PROGRAMS},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": f"{REGISTRY}/{image}"}]},
            },
        },
    }


def storage_class(name):
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def claim(*, mode="ReadWriteMany", namespace=NAMESPACE, storage_class_name=None):
    spec = {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}}
    if storage_class_name is not None:
        spec["storageClassName"] = storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "pluszero-workspace", "namespace": namespace},
        "spec": spec,
    }


@dataclass(frozen=True)
class Checked:
    """A cluster, and what is said of it."""

    cluster: object
    apply: Callable

    def check(self, *options, profile="nodes", registry=REGISTRY):
        """The status that the command ends with, and its lines."""
        command = [sys.executable, "-m", "components.cluster", "check", "--kubeconfig", configuration.KUBECONFIG]
        command += ["--namespace", NAMESPACE, "--profile", profile, *options]
        variables = [f"PLUSZERO_IMAGE_REGISTRY={registry}", f"PYTHONPATH={ROOT}"]
        script = '"$@"; echo "ended with $?"'
        *lines, last = self.cluster.run(["env", *variables, "sh", "-c", script, "sh", *command]).splitlines()
        return int(last.rpartition(" ")[2]), [line.strip() for line in lines]

    def bad(self, *options, profile="nodes", registry=REGISTRY):
        """The lines that stand in the way of a run."""
        status, lines = self.check(*options, profile=profile, registry=registry)
        found = [line for line in lines if line.startswith("✗")]
        assert (status == 1) == bool(found)
        return found


@pytest.fixture(scope="module")
def node(cluster):
    """The one node, with GPUs that it only says it has."""
    give_gpus(cluster, 2)
    yield
    take_gpus(cluster)


@pytest.fixture(scope="module")
def checked(cluster, overlay, node):
    """A cluster that lacks nothing that a run asks for."""
    apply = _applier(cluster)
    apply(*map(definition, KINDS), storage_class("standard"))
    for _, (group, _, plural) in KINDS.items():
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", f"crd/{plural}.{group}")
    cluster.kubectl("create", "namespace", PROGRAMS)
    cluster.kubectl("apply", "-k", overlay("prod-gpu", NAMESPACE))
    apply(
        *(deployment(name, image) for name, image in DEPLOYMENTS.items()),
        claim(),
        custom("ClusterQueue", "gpu", spec={"namespaceSelector": {}}),
        custom("ClusterTrainingRuntime", "torch-distributed"),
        custom("ClusterStorageContainer", "default", spec={"container": {"securityContext": RESTRICTED}}),
    )
    _secret(cluster, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    yield Checked(cluster, apply)
    for _, (group, _, plural) in KINDS.items():
        cluster.kubectl("delete", f"crd/{plural}.{group}")
    cluster.kubectl("delete", "storageclass", "standard")
    cluster.kubectl("delete", "namespace", NAMESPACE, PROGRAMS, "--wait=false")


def _applier(cluster):
    def apply(*objects):
        cluster.kubectl("apply", "-f", "-", stdin="\n---\n".join(map(json.dumps, objects)))

    return apply


def _secret(cluster, *keys):
    given = [f"--from-literal={key}=x" for key in keys]
    cluster.kubectl("create", "secret", "generic", "pluszero-object-store", "-n", NAMESPACE, *given)


def test_a_cluster_that_lacks_nothing_has_nothing_in_the_way(checked):
    for profile in ("cpu", "gpu", "nodes"):
        assert checked.bad(profile=profile) == []
    status, lines = checked.check()
    assert status == 0
    assert {"✓ Kubeflow Pipelines: 2.17.0", "✓ KServe: v0.20.1", "✓ Kubeflow Trainer: v2.3.0"} <= set(lines)
    assert "✓ queue pluszero-gpu: of the ClusterQueue gpu" in lines
    # No registry can be asked here: that is said, and stops nothing.
    assert sum(line.startswith("! image pluszero-mlops-") for line in lines) == 3


@contextmanager
def without(checked, *names):
    """A cluster without some objects: `KIND/NAME`, in the namespace where it has one."""
    kept = [json.loads(checked.cluster.kubectl("get", "-n", NAMESPACE, name, "-o", "json")) for name in names]
    checked.cluster.kubectl("delete", "-n", NAMESPACE, *names)
    try:
        yield
    finally:
        for each in kept:
            each["metadata"] = {
                key: each["metadata"].get(key) for key in ("name", "namespace", "labels", "annotations")
            }
            each.pop("status", None)
        checked.apply(*kept)


@contextmanager
def image_of(checked, name, image):
    checked.apply(deployment(name, image))
    try:
        yield
    finally:
        checked.apply(deployment(name, DEPLOYMENTS[name]))


@contextmanager
def no_deployment(checked, name):
    checked.cluster.kubectl("delete", "deployment", name, "-n", PROGRAMS)
    try:
        yield
    finally:
        checked.apply(deployment(name, DEPLOYMENTS[name]))


@contextmanager
def claim_like(checked, *claims):
    checked.cluster.kubectl("delete", "pvc", "pluszero-workspace", "-n", NAMESPACE)
    checked.apply(*claims)
    try:
        yield
    finally:
        for each in claims:
            checked.cluster.kubectl("delete", "pvc", "pluszero-workspace", "-n", each["metadata"]["namespace"])
        checked.apply(claim())


@contextmanager
def secret_with(checked, *keys):
    with without(checked, "secret/pluszero-object-store"):
        _secret(checked.cluster, *keys)
        try:
            yield
        finally:
            checked.cluster.kubectl("delete", "secret", "pluszero-object-store", "-n", NAMESPACE)


@contextmanager
def quota(checked, **hard):
    name = "small"
    named = {key.replace("_", "."): value for key, value in hard.items()}
    spec = {"hard": named}
    metadata = {"name": name, "namespace": NAMESPACE}
    checked.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec})
    try:
        yield
    finally:
        checked.cluster.kubectl("delete", "resourcequota", name, "-n", NAMESPACE)


@contextmanager
def unlabelled(checked):
    name = checked.cluster.kubectl("get", "nodes", "-o", "name").strip()
    checked.cluster.kubectl("label", name, "nvidia.com/gpu.present-")
    try:
        yield
    finally:
        checked.cluster.kubectl("label", name, "nvidia.com/gpu.present=true")


@contextmanager
def cordoned(checked):
    name = checked.cluster.kubectl("get", "nodes", "-o", "name").strip()
    checked.cluster.kubectl("cordon", name)
    try:
        yield
    finally:
        checked.cluster.kubectl("uncordon", name)


@contextmanager
def storage_container(checked, context):
    spec = {"container": {"securityContext": context}}
    checked.apply(custom("ClusterStorageContainer", "default", spec=spec))
    try:
        yield
    finally:
        checked.apply(custom("ClusterStorageContainer", "default", spec={"container": {"securityContext": RESTRICTED}}))


# What is planted, what the line that names it holds, and what its remedy says.
FAULTS = {
    "pipelines missing": (
        lambda checked: no_deployment(checked, "ml-pipeline"),
        "Kubeflow Pipelines: asked for Kubeflow Pipelines 2.15 or newer, found none in the cluster",
        "have an administrator install",
    ),
    "pipelines too old": (
        lambda checked: image_of(checked, "ml-pipeline", "kfp-api-server:2.5.0"),
        "Kubeflow Pipelines: asked for 2.16 or newer, found 2.5.0: steps do not start",
        "upgrade it",
    ),
    "KServe too old": (
        lambda checked: image_of(checked, "kserve-controller-manager", "kserve-controller:v0.15.2"),
        "KServe: asked for 0.20 or newer, found v0.15.2: the deployment mode Standard is not known",
        "upgrade it",
    ),
    "Trainer missing": (
        lambda checked: no_deployment(checked, "kubeflow-trainer-controller-manager"),
        "Kubeflow Trainer: asked for Kubeflow Trainer 2.2 or newer, found none",
        "have an administrator install",
    ),
    "Trainer's runtime missing": (
        lambda checked: without(checked, "clustertrainingruntime/torch-distributed"),
        "training runtime: asked for Trainer's ClusterTrainingRuntime torch-distributed, found none",
        "apply Kubeflow Trainer's runtimes",
    ),
    "claim missing": (
        lambda checked: without(checked, "pvc/pluszero-workspace"),
        # Other tests' namespaces have one of that name.
        "claim pluszero-workspace: asked for a claim of that name in checked, found ",
        "kubectl kustomize manifests/overlays/prod-gpu",
    ),
    "claim in another namespace": (
        lambda checked: claim_like(checked, claim(namespace=PROGRAMS)),
        "zz-programs, where pods of checked cannot mount it",
        "kubectl kustomize manifests/overlays/prod-gpu",
    ),
    "claim for one node": (
        lambda checked: claim_like(checked, claim(mode="ReadWriteOnce")),
        "claim pluszero-workspace: asked for the access mode ReadWriteMany, found ReadWriteOnce",
        "copy what is on the claim",
    ),
    "storage class missing": (
        lambda checked: claim_like(checked, claim(storage_class_name="fast")),
        "claim pluszero-workspace: asked for the storage class fast, found standard",
        "set storageClassName",
    ),
    "secret with other keys": (
        lambda checked: secret_with(checked, "accesskey", "secretkey"),
        "secret pluszero-object-store: asked for the keys AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, found accesskey",
        "kubectl create secret generic pluszero-object-store -n checked",
    ),
    "serving runtime missing": (
        lambda checked: without(checked, f"servingruntime/{RUNTIME}"),
        f"serving runtime: asked for the ServingRuntime {RUNTIME} in checked",
        "kubectl kustomize manifests/overlays/prod-gpu",
    ),
    "account missing": (
        lambda checked: without(checked, "serviceaccount/pluszero-predictor"),
        "accounts: asked for the account pluszero-predictor in checked",
        "kubectl kustomize manifests/overlays/prod-gpu",
    ),
    "KServe's container not restricted": (
        lambda checked: storage_container(checked, {"runAsNonRoot": True}),
        "found none for allowPrivilegeEscalation, capabilities, seccompProfile",
        "kubectl patch clusterstoragecontainer default",
    ),
    "queue missing": (
        lambda checked: without(checked, "localqueue/pluszero-gpu"),
        "queue pluszero-gpu: asked for Kueue's LocalQueue pluszero-gpu in checked",
        "manifests/overlays/prod-gpu",
    ),
    "cluster queue missing": (
        lambda checked: without(checked, "clusterqueue/gpu"),
        "queue pluszero-gpu: asked for the ClusterQueue gpu behind it, found none",
        "have an administrator make it",
    ),
    "GPU without its label": (
        unlabelled,
        "GPUs: asked for a node with 1 of nvidia.com/gpu and the label nvidia.com/gpu.present=true",
        "kubectl label node",
    ),
    "no node takes pods": (cordoned, "nodes: asked for a node with 500m cores and 1Gi", "add a node"),
    "quota too small": (
        lambda checked: quota(checked, requests_memory="512Mi"),
        "quota small: asked for room for the largest step, found too little: it asks for 1Gi of requests.memory",
        "have the quota of checked raised",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_remedy_and_nothing_else_is(checked, fault):
    plant, said, remedy = FAULTS[fault]
    with plant(checked):
        (line,) = checked.bad()
    assert said in line
    assert remedy in line.partition("mend it: ")[2]


def test_a_namespace_that_is_not_there_is_named_alone(checked):
    found = checked.bad("--namespace", "nowhere", profile="cpu")
    assert len(found) == 1
    assert found[0].startswith("✗ namespace: asked for a namespace nowhere, found none of that name")


def test_more_gpus_than_any_node_has(checked, tmp_path):
    (tmp_path / "problem.yaml").write_text("cluster: {gpus: 8, secret: pets-store}\n")
    found = checked.bad("--problem", str(tmp_path / "problem.yaml"), profile="gpu")
    assert any(
        "asked for a node with 8 of nvidia.com/gpu" in line and "at most 2 on one node" in line for line in found
    )
    assert any(
        line.startswith("✗ secret pets-store: asked for the secret that the problem file names") for line in found
    )


def test_whoever_may_not_look_is_told_so_and_stopped_by_nothing(checked, cluster):
    """A context of an account without rights: what discovery shows is judged, the rest is said to be unseen."""
    cluster.kubectl("create", "serviceaccount", "visitor", "-n", PROGRAMS)
    token = cluster.kubectl("create", "token", "visitor", "-n", PROGRAMS).strip()
    cluster.kubectl("config", "set-credentials", "visitor", f"--token={token}")
    name = cluster.kubectl("config", "view", "-o", "jsonpath={.clusters[0].name}").strip()
    cluster.kubectl("config", "set-context", "visiting", f"--cluster={name}", "--user=visitor")
    status, lines = checked.check("--context", "visiting")
    assert status == 0, lines
    assert any(line.startswith("? claim pluszero-workspace: you may not read claims of checked") for line in lines)
    assert any(line.startswith("? GPUs: you may not read the cluster's nodes") for line in lines)


def test_the_images_are_tried_by_a_pod_where_it_is_asked_for(checked, cluster):
    # Nobody listens there, which shows at once.
    registry = "127.0.0.1:9/team"
    found = checked.bad("--pull", "--pull-timeout-s", "300", profile="cpu", registry=registry)
    assert len(found) == 3
    assert all(registry in line and "make push-images" in line for line in found)
    assert "pluszero-pull" not in cluster.kubectl("get", "pods", "-n", NAMESPACE)


def test_an_overlay_that_goes_through_and_one_that_does_not(checked, cluster, overlay):
    status, lines = checked.check("--overlay", overlay("prod-gpu", NAMESPACE))
    assert (status, len(lines)) == (0, 1)
    assert lines[0].startswith("✓ overlay: the cluster takes all ")
    (found,) = checked.bad("--overlay", overlay("dev", NAMESPACE))
    assert found.startswith("✗ PersistentVolumeClaim pluszero-workspace: asked for an object that the cluster takes")
    assert "what is on it is lost then" in found
    # Nothing was changed by asking.
    said = json.loads(cluster.kubectl("get", "pvc", "pluszero-workspace", "-n", NAMESPACE, "-o", "json"))
    assert said["spec"]["accessModes"] == ["ReadWriteMany"]


def test_an_overlay_whose_kind_the_cluster_lacks_is_named_before_it_is_applied(checked, cluster, overlay):
    written = json.loads(cluster.kubectl("get", "crd/localqueues.kueue.x-k8s.io", "-o", "json"))
    cluster.kubectl("delete", "crd/localqueues.kueue.x-k8s.io")
    try:
        (found,) = checked.bad("--overlay", overlay("prod-gpu", NAMESPACE))
    finally:
        written["metadata"] = {"name": written["metadata"]["name"], "annotations": written["metadata"]["annotations"]}
        written.pop("status")
        cluster.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(written))
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/localqueues.kueue.x-k8s.io")
        cluster.kubectl("apply", "-k", overlay("prod-gpu", NAMESPACE))
    assert found.startswith("✗ LocalQueue pluszero-gpu: asked for the kind LocalQueue of kueue.x-k8s.io/v1beta2")
    assert "an overlay without the component kueue" in found


def test_a_cluster_that_does_not_answer_is_one_sentence(cluster):
    command = [sys.executable, "-m", "components.cluster", "check", "--kubeconfig", configuration.KUBECONFIG]
    with pytest.raises(ClusterError, match=r"^error: .*visiting-nowhere") as refused:
        cluster.run([*command, "--context", "visiting-nowhere"])
    assert len(str(refused.value).splitlines()) == 1
