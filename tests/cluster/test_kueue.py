"""Kueue's own controller before our steps and train jobs: what it lets in, and that `check-cluster` says the same."""

import json
from pathlib import Path
import sys

import pytest
import yaml

from components.shared.runtime.gpu_placement import ACCELERATOR, QUEUE, QUEUE_LABEL
from tests.cluster import configuration
from tests.cluster.conftest import TOOLBOX, toolbox_pod
from tests.cluster.harness.accounts import kubeconfig_of, place_launcher
from tests.cluster.harness.controllers import install_kueue, install_trainer
from tests.cluster.harness.launcher import launch_command, launched, train_job_settings, wait_until
from tests.cluster.harness.node_gpus import give_gpus

pytestmark = [pytest.mark.cluster, pytest.mark.kueue]

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE, LAUNCHER = "team", "pipeline-runner"
URGENT = {"kueue.x-k8s.io/priority-class": "urgent"}
# A shell that is a container's first process hears SIGTERM only where it says so.
SLEEP = "trap 'exit 143' TERM; sleep 600 & wait"
PLENTY = {"cpu": "8", "memory": "32Gi", ACCELERATOR: "2"}
SECURED = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
CLOSED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@pytest.fixture(scope="module")
def queued(own_cluster):
    """A cluster with Trainer, JobSet, Kueue and two GPUs, and our queue in a namespace."""
    install_trainer(own_cluster)
    install_kueue(own_cluster)
    give_gpus(own_cluster, 2)
    place_launcher(own_cluster, NAMESPACE, LAUNCHER)
    queue = yaml.safe_load((ROOT / "manifests" / "components" / "kueue" / "local-queue.yaml").read_text("utf-8"))
    queue["metadata"]["namespace"] = NAMESPACE
    urgent = {**kueue("WorkloadPriorityClass", "urgent"), "value": 1000, "description": "planted"}
    apply(own_cluster, {**kueue("ResourceFlavor", "default"), "spec": {}}, urgent, cluster_queue(), queue)
    return own_cluster


def kueue(kind, name):
    return {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": kind, "metadata": {"name": name}}


def cluster_queue(*, flavor="default", selector=True, covered=tuple(PLENTY), **quotas):
    """The ClusterQueue behind ours, with plenty of what is not said; what is more urgent goes first in it."""
    given = {name: amount for name, amount in {**PLENTY, **quotas}.items() if name in covered}
    resources = [{"name": name, "nominalQuota": amount} for name, amount in given.items()]
    groups = [{"coveredResources": list(given), "flavors": [{"name": flavor, "resources": resources}]}]
    preemption = {"preemption": {"withinClusterQueue": "LowerPriority"}}
    spec = {"resourceGroups": groups, **preemption, **({"namespaceSelector": {}} if selector else {})}
    return {**kueue("ClusterQueue", "gpu"), "spec": spec}


def apply(cluster, *objects):
    text = "\n---\n".join(map(json.dumps, objects))
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)


@pytest.fixture
def queue_of(queued):
    """Gives the ClusterQueue other quotas for a test."""
    yield lambda **changes: apply(queued, cluster_queue(**changes))
    queued.kubectl("delete", "pods,trainjobs", "--all", "-n", NAMESPACE)
    wait_until(lambda: not items(queued, "workloads"))
    queued.kubectl("delete", "clusterqueue", "gpu")
    apply(queued, cluster_queue())


def items(cluster, kind):
    return json.loads(cluster.kubectl("get", kind, "-n", NAMESPACE, "-o", "json"))["items"]


def checked(cluster, profile):
    """What `check-cluster` says of the queue."""
    command = [sys.executable, "-m", "components.cluster", "check", "--kubeconfig", configuration.KUBECONFIG]
    command += ["--namespace", NAMESPACE, "--profile", profile]
    lines = cluster.run(["sh", "-c", '"$@" || true', "sh", *command]).splitlines()
    return next(line.strip() for line in lines if f"queue {QUEUE}:" in line)


def start_step(cluster, name, script="echo trained", **labels):
    """A step's pod as it is placed on a GPU."""
    sizes = {"cpu": "500m", "memory": "1Gi", ACCELERATOR: "1"}
    container = {"securityContext": CLOSED, "resources": {"requests": sizes, "limits": sizes}}
    pod = toolbox_pod(name, script, container=container, securityContext=SECURED)
    pod["metadata"]["labels"] |= {QUEUE_LABEL: QUEUE, **labels}
    cluster.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(pod))


def phase(cluster, name):
    """A pod's; empty where there is none, or where it is about to go."""
    (pod,) = [each for each in items(cluster, "pods") if each["metadata"]["name"] == name] or [None]
    return "" if pod is None or "deletionTimestamp" in pod["metadata"] else pod["status"]["phase"]


def held_because(cluster):
    """Why Kueue holds back the one workload that waits, for now: a queue that was just made may not be active yet."""
    conditions = [each for work in items(cluster, "workloads") for each in work.get("status", {}).get("conditions", [])]
    waiting = ("QuotaReserved", "False")
    return next((each["message"] for each in conditions if (each["type"], each["status"]) == waiting), "")


def test_what_is_installed_is_recognised(queued):
    command = [sys.executable, "-m", "components.cluster", "check", "--kubeconfig", configuration.KUBECONFIG]
    command += ["--namespace", NAMESPACE, "--profile", "nodes"]
    lines = {line.strip() for line in queued.run(["sh", "-c", '"$@" || true', "sh", *command]).splitlines()}
    good = ("Kueue: v0.17.0", "Kubeflow Trainer: v2.3.0", "training runtime: torch-distributed")
    assert {f"✓ {each}" for each in (*good, f"queue {QUEUE}: of the ClusterQueue gpu")} <= lines


def test_a_step_is_let_in_where_there_is_quota(queued, queue_of):
    queue_of()
    start_step(queued, "step")
    wait_until(lambda: phase(queued, "step") == "Succeeded")
    assert checked(queued, "gpu").startswith("✓")
    (work,) = items(queued, "workloads")
    assert work["spec"]["queueName"] == QUEUE


# What Kueue says of the step, and what we say of the queue before.
HELD = {
    "too few GPUs": (
        {ACCELERATOR: "0"},
        "insufficient quota for nvidia.com/gpu",
        "✗ it asks for 1 of nvidia.com/gpu, 0",
    ),
    "too little memory": ({"memory": "512Mi"}, "insufficient quota for memory", "✗ it asks for 1Gi of memory, 512Mi"),
    "no namespace": ({"selector": False}, "namespace doesn't match", "✗ found the namespaceSelector of none"),
    "no flavor": ({"flavor": "fast"}, "is inactive", "✗ asked for an active ClusterQueue gpu, found Can't admit new"),
    "GPUs alone": ({"covered": [ACCELERATOR]}, "unavailable in ClusterQueue", "! found none for cpu, memory"),
}


@pytest.mark.parametrize("why", HELD)
def test_a_step_is_held_where_check_cluster_says_so(queued, queue_of, why):
    changes, kueue_says, (mark, _, we_say) = HELD[why][0], HELD[why][1], HELD[why][2].partition(" ")
    queue_of(**changes)
    start_step(queued, "step")
    wait_until(lambda: kueue_says in held_because(queued))
    assert phase(queued, "step") == "Pending"
    gates = queued.kubectl("get", "pod", "step", "-n", NAMESPACE, "-o", "jsonpath={.spec.schedulingGates[*].name}")
    assert "kueue.x-k8s.io/admission" in gates.split()
    line = checked(queued, "gpu")
    assert line.startswith(mark)
    assert we_say in line


def test_a_step_waits_while_the_queue_is_full_and_is_let_in_after(queued, queue_of):
    queue_of(**{ACCELERATOR: "1"})
    start_step(queued, "first", SLEEP)
    wait_until(lambda: phase(queued, "first") == "Running")
    start_step(queued, "second")
    wait_until(lambda: "insufficient unused quota for nvidia.com/gpu" in held_because(queued))
    # What is in use becomes free: nothing stands in a run's way.
    assert checked(queued, "gpu").startswith("✓")
    queued.kubectl("delete", "pod", "first", "-n", NAMESPACE)
    wait_until(lambda: phase(queued, "second") == "Succeeded")


def test_a_step_that_gives_way_to_a_more_urgent_one_is_a_lost_pod(queued, queue_of):
    queue_of(**{ACCELERATOR: "1"})
    start_step(queued, "step", SLEEP)
    wait_until(lambda: phase(queued, "step") == "Running")
    start_step(queued, "hurry", **URGENT)
    wait_until(lambda: phase(queued, "hurry") == "Succeeded")
    assert phase(queued, "step") == ""


@pytest.fixture
def launching(queued, tmp_path):
    """The command line that launches a job of two nodes with a GPU each, as a pipeline's step does."""
    kubeconfig = kubeconfig_of(queued, NAMESPACE, LAUNCHER, tmp_path)

    def command(name, script):
        # An amount as a user may write it, and not as Kubernetes does.
        size = {"cpu": "0.05", "memory": "32Mi"}
        job = train_job_settings(name, script, image=TOOLBOX, gpus_per_node=1, queue=QUEUE, size=size)
        return launch_command(NAMESPACE, kubeconfig, job)

    return command


def test_a_train_job_waits_whole_until_there_is_quota_for_all_its_nodes(queued, queue_of, launching):
    queue_of(**{ACCELERATOR: "1"})
    with launched(queued, launching("train-queued", "echo trained")) as launcher:
        wait_until(lambda: "insufficient quota for nvidia.com/gpu" in held_because(queued))
        line = checked(queued, "nodes")
        assert line.startswith("✗")
        assert "it asks for 2 of nvidia.com/gpu, 1 in the flavor default" in line
        assert items(queued, "pods") == []
        queue_of()
        said = launcher.said()
    assert "train job train-queued is queued" in said
    assert said.splitlines()[-2:] == ["train job train-queued is complete", "train job train-queued is deleted"]


def test_a_train_job_that_gives_way_to_a_more_urgent_step_runs_again(queued, queue_of, launching):
    queue_of()
    with launched(queued, launching("train-yields", SLEEP)) as launcher:
        launcher.hear("is running")
        start_step(queued, "hurry", **URGENT)
        launcher.hear("is queued")
        wait_until(lambda: phase(queued, "hurry") == "Succeeded")
        launcher.hear("is running")
        assert len(items(queued, "pods")) == 3
        assert "train job train-yields is deleted" in launcher.end("TERM")
