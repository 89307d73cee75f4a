"""A train job as the object that Kubeflow Trainer takes."""

from typing import Any

from components.shared.contracts.cluster_spec import canonical_cores, canonical_memory, STORE_VARIABLES
from components.shared.runtime.gpu_placement import (
    ACCELERATOR,
    IMAGE_USER,
    NODE_LABEL,
    NODE_LABEL_VALUE,
    QUEUE_LABEL,
    SCRATCH_PATH,
    SHARED_MEMORY,
    SHARED_MEMORY_PATH,
    TOLERATION,
    WORKSPACE_PATH,
)
from components.training.kubeflow_job.train_job import TrainJob

GROUP = "trainer.kubeflow.org"
VERSION = "v1alpha1"

# The torch runtime's names for its replicated job and that job's container.
NODE = "node"

# A profile of Kubeflow injects Istio's sidecar, in which a node would never end, and which takes the ports that nodes
# find each other by.
_NO_SIDECAR = {"sidecar.istio.io/inject": "false"}

# Trainer tells patches apart by their manager, whose name must have a domain.
_MANAGER = "pluszero-mlops/training"


def render_train_job(job: TrainJob) -> dict[str, Any]:
    """The TrainJob object of Trainer 2.2, without a namespace; what its runtime does not say is in `runtimePatches`.

    Nothing that only Trainer 2.3 knows: Kueue, whose library is 2.2's, would lose it as it lets the job go, and JobSet
    refuses the change. A node that is stopped has Kubernetes' half a minute: torchrun gives its processes no more.
    """
    queue = {} if job.queue is None else {QUEUE_LABEL: job.queue}
    template = {"metadata": {"labels": {**_labels(job), **_NO_SIDECAR}}, "spec": _pod_patch(job)}
    replicated_job = {"name": NODE, "template": {"spec": {"template": template}}}
    patch = {"template": {"spec": {"replicatedJobs": [replicated_job]}}}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "TrainJob",
        "metadata": {
            "name": job.name,
            "labels": {**job.labels, **_labels(job), **queue},
            "annotations": dict(job.annotations),
        },
        "spec": {
            "runtimeRef": {"apiGroup": GROUP, "kind": "ClusterTrainingRuntime", "name": job.runtime},
            "activeDeadlineSeconds": job.timeout_s,
            "trainer": _trainer(job),
            "runtimePatches": [{"manager": _MANAGER, "trainingRuntimeSpec": patch}],
        },
    }


def _labels(job: TrainJob) -> dict[str, str]:
    return {"app.kubernetes.io/part-of": "pluszero-mlops", "app.kubernetes.io/name": job.name}


def _trainer(job: TrainJob) -> dict[str, Any]:
    """What Trainer lets nobody change, in the very form that Kubernetes writes it.

    Kueue lets a job go by writing all of it anew. What it would write in another way, an empty list (it leaves it out)
    or half a core, is a change that Trainer refuses, and the job would wait forever.
    """
    gpus = {ACCELERATOR: str(job.gpus_per_node)} if job.gpus_per_node else {}
    environment = _environment(job)
    return {
        "image": job.image,
        "command": list(job.command),
        **({"env": environment} if environment else {}),
        "numNodes": job.num_nodes,
        "numProcPerNode": job.processes_per_node,
        "resourcesPerNode": {
            "requests": {**_amounts(job.size.cpu, job.size.memory), **gpus},
            "limits": {**_amounts(job.size.cpu_limit, job.size.memory_limit), **gpus},
        },
    }


def _environment(job: TrainJob) -> list[dict[str, Any]]:
    """What the job says, and of the secret's keys those that are there, as a pipeline's steps have them."""
    said = [{"name": name, "value": value} for name, value in sorted(job.environment.items())]
    given = [name for name in STORE_VARIABLES if name not in job.environment] if job.secret is not None else []
    secret = {"name": job.secret, "optional": True}
    return [*said, *({"name": name, "valueFrom": {"secretKeyRef": {**secret, "key": name}}} for name in given)]


def _amounts(cpu: str, memory: str) -> dict[str, str]:
    return {"cpu": canonical_cores(cpu), "memory": canonical_memory(memory)}


def _pod_patch(job: TrainJob) -> dict[str, Any]:
    volumes, mounts = _volumes(job)
    user = {"runAsNonRoot": True, "runAsUser": IMAGE_USER, "runAsGroup": IMAGE_USER}
    profile = {"seccompProfile": {"type": "RuntimeDefault"}}
    closed = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    patch: dict[str, Any] = {
        "securityContext": {**user, **profile},
        "volumes": volumes,
        "containers": [{"name": NODE, "securityContext": {**user, **profile, **closed}, "volumeMounts": mounts}],
    }
    if job.gpus_per_node:
        patch["nodeSelector"] = {NODE_LABEL: NODE_LABEL_VALUE}
        patch["tolerations"] = [TOLERATION]
    if job.pull_secrets:
        patch["imagePullSecrets"] = [{"name": name} for name in job.pull_secrets]
    if job.service_account is not None:
        patch["serviceAccountName"] = job.service_account
    return patch


def _volumes(job: TrainJob) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    found: list[tuple[str, str, dict[str, Any]]] = [
        ("scratch", SCRATCH_PATH, {"emptyDir": {"sizeLimit": job.scratch}}),
        ("shm", SHARED_MEMORY_PATH, {"emptyDir": {"medium": "Memory", "sizeLimit": SHARED_MEMORY}}),
    ]
    if job.workspace_claim is not None:
        found.append(
            ("workspace", WORKSPACE_PATH, {"persistentVolumeClaim": {"claimName": job.workspace_claim}}),
        )
    volumes = [{"name": name, **source} for name, _, source in found]
    mounts = [{"name": name, "mountPath": path} for name, path, _ in found]
    return volumes, mounts
