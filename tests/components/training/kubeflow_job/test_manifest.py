"""The TrainJob object: a known answer, the schemas, and the policies that every pod of ours keeps to."""

import copy

import pytest

from components.shared.contracts.cluster_spec import StepSize
from components.training.kubeflow_job.manifest import render_train_job
from components.training.kubeflow_job.train_job import TrainJob
from tests.custom_resources import spec_errors
from tools.manifest_policies import violations

USER = {"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
LABELS = {"app.kubernetes.io/part-of": "pluszero-mlops", "app.kubernetes.io/name": "train-abc"}
PATCH = ("runtimePatches", 0, "trainingRuntimeSpec", "template", "spec", "replicatedJobs", 0, "template", "spec")
POD = (*PATCH, "template", "spec")


def job(**changes):
    settings = {
        "name": "train-abc",
        "command": ("torchrun", "-m", "components.training.trainer.worker"),
        "image": "registry.example/pluszero-mlops-training:v1",
        "timeout_s": 3600,
        "num_nodes": 2,
        "gpus_per_node": 4,
        "workspace_claim": "pluszero-workspace",
        "queue": "pluszero-gpu",
        "environment": {"NCCL_DEBUG": "WARN"},
    }
    return TrainJob(**{**settings, **changes})


def at(found, path):
    for key in path:
        found = found[key]
    return found


def pod_of(rendered):
    """The pod that a node becomes, as far as we say it."""
    trainer, patch = rendered["spec"]["trainer"], at(rendered["spec"], POD)
    container = {**patch["containers"][0], "image": trainer["image"], "resources": trainer["resourcesPerNode"]}
    return {
        "kind": "Pod",
        "metadata": {"name": "node"},
        "spec": {**patch, "containers": [{**container, "env": trainer.get("env", [])}]},
    }


def models():
    # Imported late, for it takes a second.
    from kubeflow_trainer_api.models import TrainerV1alpha1TrainJob

    return TrainerV1alpha1TrainJob


def test_the_object_of_a_job_on_two_nodes_with_four_gpus_each():
    rendered = render_train_job(job(size=StepSize(memory="8Gi", memory_limit="128Gi")))
    requests = {"cpu": "500m", "memory": "8Gi", "nvidia.com/gpu": "4"}
    limits = {"cpu": "16", "memory": "128Gi", "nvidia.com/gpu": "4"}
    assert rendered["apiVersion"] == "trainer.kubeflow.org/v1alpha1"
    assert rendered["kind"] == "TrainJob"
    assert rendered["metadata"] == {
        "name": "train-abc",
        "labels": {**LABELS, "kueue.x-k8s.io/queue-name": "pluszero-gpu"},
        "annotations": {},
    }
    spec = rendered["spec"]
    assert spec["runtimeRef"] == {
        "apiGroup": "trainer.kubeflow.org",
        "kind": "ClusterTrainingRuntime",
        "name": "torch-distributed",
    }
    assert spec["activeDeadlineSeconds"] == 3600
    assert spec["trainer"] == {
        "image": "registry.example/pluszero-mlops-training:v1",
        "command": ["torchrun", "-m", "components.training.trainer.worker"],
        "env": [{"name": "NCCL_DEBUG", "value": "WARN"}],
        "numNodes": 2,
        "numProcPerNode": 4,
        "resourcesPerNode": {"requests": requests, "limits": limits},
    }
    # A node with a sidecar of Istio would never end.
    assert at(spec, (*PATCH, "template", "metadata")) == {"labels": {**LABELS, "sidecar.istio.io/inject": "false"}}
    assert at(spec, POD) == {
        "nodeSelector": {"nvidia.com/gpu.present": "true"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "securityContext": USER,
        "volumes": [
            {"name": "scratch", "emptyDir": {"sizeLimit": "50Gi"}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}},
            {"name": "workspace", "persistentVolumeClaim": {"claimName": "pluszero-workspace"}},
        ],
        "containers": [
            {
                "name": "node",
                "securityContext": {
                    **USER,
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [
                    {"name": "scratch", "mountPath": "/tmp"},
                    {"name": "shm", "mountPath": "/dev/shm"},
                    {"name": "workspace", "mountPath": "/mnt/pluszero"},
                ],
            }
        ],
    }


def test_what_nobody_may_change_is_written_as_kubernetes_writes_it():
    # Kueue writes a job anew to let it go: what it would write in another way is refused, and the job waits forever.
    size = StepSize(cpu="0.5", cpu_limit="2000m", memory="1.5Gi", memory_limit="65536Mi")
    trainer = render_train_job(job(size=size, environment={}, gpus_per_node=0))["spec"]["trainer"]
    requests, limits = {"cpu": "500m", "memory": "1536Mi"}, {"cpu": "2", "memory": "64Gi"}
    assert trainer["resourcesPerNode"] == {"requests": requests, "limits": limits}
    assert "env" not in trainer


def test_a_job_on_cpus_asks_for_no_gpu_and_for_one_process_a_node():
    rendered = render_train_job(job(gpus_per_node=0, workspace_claim=None, queue=None))
    assert "nvidia" not in str(rendered)
    assert "kueue" not in str(rendered)
    assert "persistentVolumeClaim" not in str(rendered)
    assert rendered["spec"]["trainer"]["numProcPerNode"] == 1


def test_what_a_user_adds_is_there_and_replaces_nothing():
    given = {"team": "vision", "app.kubernetes.io/part-of": "theirs"}
    rendered = render_train_job(job(labels=given, annotations={"who": "me"}, service_account="trainer"))
    assert rendered["metadata"]["labels"]["team"] == "vision"
    assert rendered["metadata"]["labels"]["app.kubernetes.io/part-of"] == "pluszero-mlops"
    assert rendered["metadata"]["annotations"] == {"who": "me"}
    assert at(rendered["spec"], POD)["serviceAccountName"] == "trainer"


def test_nodes_reach_an_object_store_by_the_keys_of_a_secret_that_may_be_absent():
    rendered = render_train_job(job(secret="pets-object-store", environment={"AWS_DEFAULT_REGION": "minio"}))
    said, *keys = rendered["spec"]["trainer"]["env"]
    assert said == {"name": "AWS_DEFAULT_REGION", "value": "minio"}
    assert [each["name"] for each in keys] == [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL",
    ]  # fmt: skip
    for each in keys:
        assert each["valueFrom"]["secretKeyRef"] == {
            "name": "pets-object-store", "key": each["name"], "optional": True,
        }  # fmt: skip
    assert models().from_dict(rendered).to_dict() == rendered
    assert spec_errors(rendered) == []


def test_nodes_pull_their_image_by_the_secrets_that_are_named():
    rendered = render_train_job(job(pull_secrets=("one", "two")))
    assert at(rendered["spec"], POD)["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    assert spec_errors(rendered) == []


def test_a_nodes_pod_keeps_to_the_policies():
    assert violations([pod_of(render_train_job(job()))]) == []


@pytest.mark.parametrize("gpus_per_node", [0, 4])
def test_the_sdks_models_know_every_field(gpus_per_node):
    rendered = render_train_job(job(gpus_per_node=gpus_per_node, service_account="trainer"))
    assert models().from_dict(rendered).to_dict() == rendered


@pytest.mark.parametrize("path", [(), ("trainer",), POD, (*POD, "containers", 0)])
def test_the_sdks_models_find_an_unknown_field(path):
    planted = copy.deepcopy(render_train_job(job()))
    at(planted["spec"], path)["unknown"] = "x"
    assert models().from_dict(planted).to_dict() != planted


@pytest.mark.parametrize("gpus_per_node", [0, 4])
def test_the_object_keeps_the_clusters_schema(gpus_per_node):
    assert spec_errors(render_train_job(job(gpus_per_node=gpus_per_node, service_account="trainer"))) == []


@pytest.mark.parametrize("path", [(), ("trainer",), POD, (*POD, "containers", 0)])
def test_the_clusters_schema_finds_an_unknown_field(path):
    planted = copy.deepcopy(render_train_job(job()))
    at(planted["spec"], path)["unknown"] = "x"
    (error,) = spec_errors(planted)
    assert "unknown" in error
