"""Our launcher before Kubeflow Trainer's and JobSet's own controllers: what becomes of the TrainJob that it creates."""

import functools
import json
import re

import pytest

from components.shared.contracts.cluster_spec import StepSize
from components.training.kubeflow_job.manifest import render_train_job
from components.training.kubeflow_job.state import JOB_LABEL
from components.training.kubeflow_job.train_job import TrainJob
from tests.cluster.conftest import TOOLBOX, toolbox_pod
from tests.cluster.harness.accounts import kubeconfig_of, place_launcher
from tests.cluster.harness.controllers import install_trainer
from tests.cluster.harness.launcher import launch_command, launched, train_job_settings, wait_until
from tests.cluster.harness.node_gpus import give_gpus

pytestmark = pytest.mark.cluster

NAMESPACE, LAUNCHER = "team", "pipeline-runner"
WORKFLOWS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "workflows.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "scope": "Namespaced",
        "names": {"kind": "Workflow", "plural": "workflows", "singular": "workflow", "listKind": "WorkflowList"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
SECURED = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
    "container": {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}},
}


def settings(name, script, **changes):
    return train_job_settings(name, script, image=TOOLBOX, **changes)


@pytest.fixture(scope="module")
def trained(own_cluster):
    """A cluster with Trainer and JobSet, and a namespace with restricted pods where our launcher may launch."""
    install_trainer(own_cluster)
    place_launcher(own_cluster, NAMESPACE, LAUNCHER)
    return own_cluster


@pytest.fixture(scope="module")
def launching(trained, tmp_path_factory):
    """The command line that launches a job on the node."""
    kubeconfig = kubeconfig_of(trained, NAMESPACE, LAUNCHER, tmp_path_factory.mktemp("launcher"))
    return functools.partial(launch_command, NAMESPACE, kubeconfig)


@pytest.fixture(scope="module")
def gpus(trained):
    """Two GPUs that the node only says it has."""
    give_gpus(trained, 2)


def objects(cluster, kind, name):
    """Objects of a job's, by the labels that JobSet puts on what it makes."""
    selector = (
        ("-l", f"{JOB_LABEL}={name}") if kind in ("pods", "jobs") else (f"--field-selector=metadata.name={name}",)
    )
    return json.loads(cluster.kubectl("get", kind, "-n", NAMESPACE, *selector, "-o", "json"))["items"]


def held_in(asked, found):
    """Whether an object has all that was asked: keys of maps, items of lists in any order."""
    if isinstance(asked, dict):
        return isinstance(found, dict) and all(held_in(value, found.get(key)) for key, value in asked.items())
    if isinstance(asked, list):
        return isinstance(found, list) and all(any(held_in(item, each) for each in found) for item in asked)
    return asked == found


# A shell that is a container's first process hears SIGTERM only where it says so.
SLEEP = "trap 'exit 143' TERM; sleep 600 & wait"


def test_nodes_find_each_other_and_what_they_say_is_relayed(trained, launching):
    # The first node has a name as soon as it has an address.
    found = f"nslookup $PET_MASTER_ADDR.{NAMESPACE}.svc.cluster.local > /dev/null"
    script = f"until {found}; do sleep 1; done; echo rank $PET_NODE_RANK of $PET_NNODES x $PET_NPROC_PER_NODE"
    said = trained.run(launching(settings("train-meet", script)))
    for rank in (0, 1):
        assert re.search(rf"^node {rank} \(train-meet-node-0-{rank}-\w+\) \| rank {rank} of 2 x 1$", said, re.MULTILINE)
    assert said.splitlines()[-2:] == ["train job train-meet is complete", "train job train-meet is deleted"]
    for kind in ("trainjobs", "jobsets", "jobs", "pods"):
        wait_until(lambda kind=kind: not objects(trained, kind, "train-meet"))


def test_a_node_that_fails_is_named_with_the_line_that_says_why(trained, launching):
    script = 'if [ $PET_NODE_RANK = 1 ]; then echo "ValueError: planted"; exit 3; fi; ' + SLEEP
    said = trained.run(launching(settings("train-fails", script)))
    last = said.splitlines()[-1]
    assert re.fullmatch(
        r"TrainJobError: train job train-fails failed: node 1 \(train-fails-node-0-1-\w+\) ended with exit code 3; "
        "it logged: ValueError: planted",
        last,
    ), said
    (kept,) = objects(trained, "trainjobs", "train-fails")
    assert [each["type"] for each in kept["status"]["conditions"] if each["status"] == "True"] == ["Failed"]
    # The next launch replaces it.
    again = trained.run(launching(settings("train-fails", "echo mended")))
    assert "train job train-fails failed before" in again
    assert again.splitlines()[-1] == "train job train-fails is deleted"


@pytest.mark.usefixtures("gpus")
def test_pods_carry_all_that_the_job_asks_for(trained, launching):
    job = settings("train-asks", SLEEP, gpus_per_node=1, environment={"NCCL_DEBUG": "WARN"}, pull_secrets=["one"])
    with launched(trained, launching(job)):
        pods = wait_until(lambda: len(found := objects(trained, "pods", "train-asks")) == 2 and found)
    written = render_train_job(TrainJob(**{**job, "command": tuple(job["command"]), "size": StepSize(**job["size"])}))
    trainer, patch = written["spec"]["trainer"], written["spec"]["runtimePatches"][0]["trainingRuntimeSpec"]
    template = patch["template"]["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
    container = {
        "image": trainer["image"],
        "command": trainer["command"],
        "env": [*trainer["env"], {"name": "PET_NNODES", "value": "2"}, {"name": "PET_NPROC_PER_NODE", "value": "1"}],
        "resources": trainer["resourcesPerNode"],
    }
    for pod in pods:
        assert held_in(template["metadata"], pod["metadata"])
        assert held_in(template["spec"], pod["spec"])
        (node,) = pod["spec"]["containers"]
        assert held_in(container, node)
    wait_until(lambda: not objects(trained, "trainjobs", "train-asks"))


def test_a_launcher_that_is_told_to_stop_leaves_nothing(trained, launching):
    with launched(trained, launching(settings("train-stops", SLEEP))) as launcher:
        wait_until(lambda: len(objects(trained, "pods", "train-stops")) == 2)
        assert "train job train-stops is deleted" in launcher.end("TERM")
    for kind in ("trainjobs", "jobsets", "pods"):
        wait_until(lambda kind=kind: not objects(trained, kind, "train-stops"))


def test_a_job_whose_time_is_up_is_a_failure_that_says_so(trained, launching):
    said = trained.run(launching(settings("train-slow", SLEEP, timeout_s=10)))
    assert "train job train-slow failed: DeadlineExceeded" in said.splitlines()[-1], said
    wait_until(lambda: not objects(trained, "pods", "train-slow"))


def test_a_suspended_job_waits_without_pods_and_runs_when_it_is_let_go(trained, launching):
    with launched(trained, launching(settings("train-waits", SLEEP))) as launcher:
        launcher.hear("is running")
        suspend(trained, "train-waits", held=True)
        launcher.hear("is queued")
        wait_until(lambda: not objects(trained, "pods", "train-waits"))
        suspend(trained, "train-waits", held=False)
        launcher.hear("is running")
        assert len(objects(trained, "pods", "train-waits")) == 2
        trained.kubectl("delete", "trainjob", "train-waits", "-n", NAMESPACE)
        assert "was deleted by somebody else" in launcher.said()


def suspend(cluster, name, *, held):
    patch = json.dumps({"spec": {"suspend": held}})
    cluster.kubectl("patch", "trainjob", name, "-n", NAMESPACE, "--type=merge", "-p", patch)


def test_a_job_goes_with_the_run_that_owns_it(trained, launching):
    trained.kubectl("apply", "-f", "-", stdin=json.dumps(WORKFLOWS))
    trained.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/workflows.argoproj.io")
    run = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "run"}}
    trained.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(run))
    owner = json.loads(trained.kubectl("get", "workflow", "run", "-n", NAMESPACE, "-o", "json"))
    step = toolbox_pod("step", "sleep 600 & wait", **SECURED)
    step["metadata"]["ownerReferences"] = [
        {**{key: owner[key] for key in ("apiVersion", "kind")}, "name": "run", "uid": owner["metadata"]["uid"]}
    ]
    trained.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(step))
    with launched(trained, launching(settings("train-owned", SLEEP), KFP_POD_NAME="step")) as launcher:
        wait_until(lambda: len(objects(trained, "pods", "train-owned")) == 2)
        # A launcher that is killed cannot delete anything.
        launcher.end("KILL")
        trained.kubectl("delete", "workflow", "run", "-n", NAMESPACE)
        for kind in ("trainjobs", "jobsets", "pods"):
            wait_until(lambda kind=kind: not objects(trained, kind, "train-owned"))


def test_what_trainer_refuses_is_a_sentence_and_no_matter_of_rights(trained, launching):
    said = trained.run(launching(settings("train-odd", "echo", runtime="nowhere")))
    last = said.splitlines()[-1]
    assert last.startswith("ValueError: the cluster refused to create the train job train-odd in namespace team: ")
    assert "nowhere" in last
