"""The objects that the project's code writes are accepted, strictly, by the kinds they are of."""

import copy

import pytest
import yaml

from components.shared.contracts.inference_service import inference_service_yaml
from components.training.kubeflow_job.manifest import render_train_job
from components.training.kubeflow_job.train_job import TrainJob
from tests.cluster.cluster import ClusterError

pytestmark = pytest.mark.cluster

TRY = ("--dry-run=server", "-n", "default")


def release(uri, **changes):
    given = {"model_name": "digits", "version": "0123456789abcdef", "storage_uri": uri}
    return yaml.safe_load(inference_service_yaml(**given, **changes))


def train_job(**changes):
    given = {"name": "train-abc", "command": ("torchrun",), "image": "localhost/training:v1", "timeout_s": 60}
    return render_train_job(TrainJob(**{**given, **changes}))


OBJECTS = {
    "a release in s3": release("s3://models/digits/0123456789abcdef"),
    "a release in a claim": release("pvc://pluszero-workspace/models/digits/0123456789abcdef"),
    "a release pulled by secrets": release("s3://models/digits/0123456789abcdef", pull_secrets=("one", "two")),
    "a job pulled by secrets": train_job(pull_secrets=("one", "two")),
    "a job with GPUs": train_job(
        num_nodes=2, gpus_per_node=4, workspace_claim="pluszero-workspace", queue="pluszero-gpu", service_account="me"
    ),
    "a job without GPUs": train_job(gpus_per_node=0),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_is_accepted(apply, name):
    assert "created" in apply(OBJECTS[name], options=TRY)


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_with_an_unknown_field_is_refused(apply, name):
    planted = copy.deepcopy(OBJECTS[name])
    planted["spec"]["unknown"] = "x"
    with pytest.raises(ClusterError, match=r'unknown field "spec\.unknown"'):
        apply(planted, options=TRY)
