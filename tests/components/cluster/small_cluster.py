"""A cluster in memory: objects by path, and what its API would say of them."""

from components.cluster.api import Refusal, Unseen

GROUPS = {
    "argoproj.io/v1alpha1": [("workflows", "Workflow")],
    "kueue.x-k8s.io/v1beta2": [("localqueues", "LocalQueue"), ("clusterqueues", "ClusterQueue")],
    "serving.kserve.io/v1alpha1": [
        ("servingruntimes", "ServingRuntime"),
        ("clusterstoragecontainers", "ClusterStorageContainer"),
    ],
    "serving.kserve.io/v1beta1": [("inferenceservices", "InferenceService")],
    "trainer.kubeflow.org/v1alpha1": [("trainjobs", "TrainJob"), ("clustertrainingruntimes", "ClusterTrainingRuntime")],
}
CLUSTER_WIDE = {"clusterqueues", "clusterstoragecontainers", "clustertrainingruntimes", "namespaces"}
RESTRICTED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
NAMESPACE = "alice"
INSIDE = f"/api/v1/namespaces/{NAMESPACE}"
NODES, CLAIM = "/api/v1/nodes", f"{INSIDE}/persistentvolumeclaims/pluszero-workspace"
SECRET, QUOTAS = f"{INSIDE}/secrets/pluszero-object-store", f"{INSIDE}/resourcequotas"
DEPLOYMENTS, CLASSES = "/apis/apps/v1/deployments", "/apis/storage.k8s.io/v1/storageclasses"
LOCAL_QUEUES = f"/apis/kueue.x-k8s.io/v1beta2/namespaces/{NAMESPACE}/localqueues"
CLUSTER_QUEUES = "/apis/kueue.x-k8s.io/v1beta2/clusterqueues"
RUNTIMES = f"/apis/serving.kserve.io/v1alpha1/namespaces/{NAMESPACE}/servingruntimes"
CONTAINERS = "/apis/serving.kserve.io/v1alpha1/clusterstoragecontainers"
TRAINING_RUNTIMES = "/apis/trainer.kubeflow.org/v1alpha1/clustertrainingruntimes"
ARGO_CONFIG = "/api/v1/namespaces/kubeflow/configmaps/workflow-controller-configmap"
AUTOSCALER = "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status"


def named(name, *, namespace=None, labels=None, annotations=None, **content):
    metadata = {"name": name, "labels": labels or {}, "annotations": annotations or {}}
    return {"metadata": {**metadata, **({"namespace": namespace} if namespace else {})}, **content}


def listed(*objects):
    return {"items": list(objects)}


def node(name="one", *, cpu="8", memory="32Gi", gpus=2, label=True, taints=(), images=(), cordoned=False):
    return named(
        name,
        labels={"nvidia.com/gpu.present": "true"} if label else {},
        spec={"taints": [{"key": key, "effect": effect} for key, effect in taints], "unschedulable": cordoned},
        status={
            "allocatable": {"cpu": cpu, "memory": memory, "nvidia.com/gpu": str(gpus)},
            "images": [{"names": list(images)}],
        },
    )


def argo_config(policy):
    defaults = f"spec:\n  templateDefaults:\n    retryStrategy:\n      retryPolicy: {policy}\n"
    return named("workflow-controller-configmap", data={"workflowDefaults": defaults} if policy else {})


def deployment(name, image, *, namespace="kubeflow", labels=None, replicas=1, available=1):
    spec = {"replicas": replicas, "template": {"spec": {"containers": [{"name": "main", "image": image}]}}}
    status = {"availableReplicas": available}
    return named(name, namespace=namespace, labels=labels, spec=spec, status=status)


def claim(mode="ReadWriteMany", *, phase="Bound", namespace=NAMESPACE, **spec):
    resources = {"requests": {"storage": "10Gi"}}
    spec = {"accessModes": [mode], "resources": resources, **spec}
    return named("pluszero-workspace", namespace=namespace, spec=spec, status={"phase": phase})


def condition(status, message=""):
    return {"conditions": [{"type": "Active", "status": status, "message": message}]}


def whole_cluster():
    """The objects of a cluster that lacks nothing, in a Kubeflow profile."""
    profile = {"app.kubernetes.io/part-of": "kubeflow-profile", "pod-security.kubernetes.io/enforce": "restricted"}
    return {
        "/version": {"gitVersion": "v1.33.1"},
        INSIDE: named(NAMESPACE, labels=profile),
        NODES: listed(node()),
        CLAIM: claim(),
        SECRET: named("pluszero-object-store", data={"AWS_ACCESS_KEY_ID": "eA==", "AWS_SECRET_ACCESS_KEY": "eA=="}),
        QUOTAS: listed(),
        f"{INSIDE}/serviceaccounts": listed(named("default-editor"), named("pluszero-predictor")),
        CLASSES: listed(
            named("standard", annotations={"storageclass.kubernetes.io/is-default-class": "true"}),
            named("local", volumeBindingMode="WaitForFirstConsumer"),
        ),
        DEPLOYMENTS: listed(
            deployment("ml-pipeline", "ghcr.io/kubeflow/kfp-api-server:2.17.0"),
            deployment("workflow-controller", "quay.io/argoproj/workflow-controller:v4.0.8"),
            deployment("kserve-controller-manager", "kserve/kserve-controller:v0.20.1", namespace="kserve"),
            deployment("kueue-controller-manager", "registry.k8s.io/kueue/kueue:v0.17.0", namespace="kueue-system"),
            deployment("kubeflow-trainer-controller-manager", "ghcr.io/kubeflow/trainer-controller-manager:v2.3.0"),
        ),
        ARGO_CONFIG: argo_config("Always"),
        RUNTIMES: listed(named("pluszero-bundle")),
        CONTAINERS: listed(named("default", spec={"container": {"securityContext": RESTRICTED}})),
        LOCAL_QUEUES: listed(named("pluszero-gpu", spec={"clusterQueue": "gpu"}, status=condition("True"))),
        CLUSTER_QUEUES: listed(named("gpu", spec={"namespaceSelector": {}}, status=condition("True"))),
        TRAINING_RUNTIMES: listed(named("torch-distributed")),
    }


class SmallCluster:
    """A cluster in memory.

    `refusals` are what it says to an object of a name, `pods` what a pod shows each time it is read, `unseen` the
    beginnings of paths that whoever asks may not read.
    """

    def __init__(self, changes=None, *, without=(), unseen=(), groups=None, refusals=None, pods=()):
        objects = {**whole_cluster(), **(changes or {})}
        self.objects = {path: found for path, found in objects.items() if path not in without}
        self.groups = GROUPS if groups is None else groups
        self.unseen, self.refusals, self.pods = tuple(unseen), refusals or {}, list(pods)
        self.asked, self.made = [], []

    def get(self, path):
        self.asked.append(path)
        path = path.partition("?")[0]
        if path.startswith(self.unseen) and self.unseen:
            return Unseen(path)
        if path == "/apis":
            names = dict.fromkeys(version.partition("/")[0] for version in self.groups)
            return {"groups": [{"name": name, "versions": self._versions(name)} for name in names]}
        version = path.removeprefix("/apis/")
        if version in self.groups:
            kinds = [
                {"name": plural, "kind": kind, "namespaced": plural not in CLUSTER_WIDE}
                for plural, kind in self.groups[version]
            ]
            return {"resources": [*kinds, {"name": "anything/status", "kind": "Anything", "namespaced": True}]}
        if self.pods and "/pods/" in path:
            return self.pods.pop(0) if len(self.pods) > 1 else self.pods[0]
        return self.objects.get(path)

    def _versions(self, group):
        return [{"groupVersion": version} for version in self.groups if version.startswith(f"{group}/")]

    def tried(self, path, written):
        self.asked.append(path)
        reason = self.refusals.get(written["metadata"]["name"])
        return None if reason is None else Refusal(reason)

    def created(self, path, written):
        reason = self.refusals.get("pod")
        if reason is None:
            self.made.append(f"{path}/{written['metadata']['name']}")
        return None if reason is None else Refusal(reason)

    def deleted(self, path):
        self.made.remove(path)
