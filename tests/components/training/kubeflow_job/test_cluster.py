"""Launches against an API server over HTTP: what is created, followed, explained, taken over and deleted."""

import logging
import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from components.training.kubeflow_job.cluster import ClusterBackend
from components.training.kubeflow_job.launch import launch_train_job
from components.training.kubeflow_job.train_job import TrainJob, TrainJobError
from tests.components.training.kubeflow_job.cluster_api import NAMESPACE, running_api

NAME = "train-abc"
POLL_S = 0.02


@pytest.fixture
def api(tmp_path):
    with running_api(tmp_path) as (api, _):
        yield api


@pytest.fixture
def backend(api, tmp_path):
    return ClusterBackend(NAMESPACE, kubeconfig=tmp_path / "kubeconfig")


def job(**changes):
    settings = {"name": NAME, "command": ("torchrun", "train.py"), "image": "x:v1", "timeout_s": 600, "num_nodes": 2}
    return TrainJob(**{**settings, **changes})


def on_two_nodes(api):
    def step(_):
        api.add_pod(NAME, 0)
        api.add_pod(NAME, 1)
        api.log(NAME, 0, "epoch 1", "epoch 2")
        api.log(NAME, 1, "epoch 1")

    return step


def test_a_job_is_created_followed_to_its_end_and_removed(api, backend, caplog):
    api.script = [on_two_nodes(api), lambda _: api.log(NAME, 0, "done"), lambda _: api.end(NAME, "Complete")]
    with caplog.at_level(logging.INFO, logger="components.training"):
        launch_train_job(job(), backend, poll_s=POLL_S)
    assert api.count("create") == api.count("delete") == 1
    assert api.jobs == {}
    lines = [message for message in caplog.messages if " | " in message]
    assert sorted(lines) == [
        "node 0 (train-abc-node-0-0-x) | done",
        "node 0 (train-abc-node-0-0-x) | epoch 1",
        "node 0 (train-abc-node-0-0-x) | epoch 2",
        "node 1 (train-abc-node-0-1-x) | epoch 1",
    ]
    assert "train job train-abc is running" in caplog.messages
    assert "train job train-abc is complete" in caplog.messages


def test_the_runs_workflow_owns_the_job_and_the_steps_own_pod_does_not(api, backend, monkeypatch):
    workflow = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "run-x", "uid": "1-2"}
    metadata = {"name": "step-x", "labels": {}, "ownerReferences": [{**workflow, "controller": True}]}
    api.pods = {"step-x": {"metadata": metadata}, "other": {"metadata": {"name": "other", "labels": {}}}}
    monkeypatch.setenv("KFP_POD_NAME", "step-x")
    backend.submit(job())
    assert api.jobs[NAME]["metadata"]["ownerReferences"] == [workflow]


@pytest.mark.parametrize("pod", [None, "other"])
def test_outside_of_a_pipelines_pod_nothing_owns_the_job(api, backend, monkeypatch, pod):
    api.pods = {"other": {"metadata": {"name": "other", "labels": {}}}}
    monkeypatch.delenv("KFP_POD_NAME", raising=False)
    if pod is not None:
        monkeypatch.setenv("KFP_POD_NAME", pod)
    backend.submit(job())
    assert "ownerReferences" not in api.jobs[NAME]["metadata"]


def test_the_launchers_role_allows_what_a_launch_asks_and_nothing_else(api, backend, repository):
    api.script = [on_two_nodes(api), lambda _: api.end(NAME, "Complete")]
    launch_train_job(job(), backend, poll_s=POLL_S)
    role = yaml.safe_load((repository / "manifests" / "base" / "launcher-role.yaml").read_text(encoding="utf-8"))
    rules = [(verb, resource) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]]
    assert set(api.calls) == set(rules)


def test_a_failure_says_which_node_failed_how_and_what_it_logged_last(api, backend):
    def fail(_):
        ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-05-01T00:00:09Z"}}
        api.add_pod(NAME, 1, "Failed", status={"containerStatuses": [{"name": "node", "state": ended}]})
        table = ("torch.distributed.elastic.multiprocessing.errors.ChildFailedError:", "train.py FAILED", "=====")
        api.log(NAME, 1, "Traceback", "[rank1]: ValueError: the loss must be finite, got nan", *table)
        api.end(NAME, "Failed", reason="JobsFailed", message="jobset failed")

    api.script = [on_two_nodes(api), fail]
    with pytest.raises(TrainJobError) as raised:
        launch_train_job(job(), backend, poll_s=POLL_S)
    assert str(raised.value) == (
        "train job train-abc failed: node 1 (train-abc-node-0-1-x) ended with exit code 1; "
        "it logged: [rank1]: ValueError: the loss must be finite, got nan"
    )
    assert raised.value.log_end.splitlines()[0] == "epoch 1"
    assert api.count("delete") == 0
    assert NAME in api.jobs


def test_a_job_that_ran_out_of_time_says_so(api, backend):
    api.script = [
        on_two_nodes(api),
        lambda _: api.end(NAME, "Failed", reason="DeadlineExceeded", message="TrainJob ran longer than 600 s."),
    ]
    with pytest.raises(TrainJobError, match="failed: DeadlineExceeded: TrainJob ran longer than 600 s; it logged: "):
        launch_train_job(job(), backend, poll_s=POLL_S)


def test_a_second_launch_follows_the_job_that_runs(api, backend, caplog):
    backend.submit(job())
    api.script = [on_two_nodes(api), lambda _: api.end(NAME, "Complete")]
    with caplog.at_level(logging.INFO, logger="components.training"):
        launch_train_job(job(), backend, poll_s=POLL_S)
    assert api.count("create") == 1
    assert "train job train-abc is there already, running: following it" in caplog.messages


def test_a_launch_that_comes_second_by_a_moment_follows_the_first(api, backend, caplog):
    backend.submit(job())
    # As if it had been created just after the look.
    api.refusals["get", "trainjobs"] = [404]
    api.script = [lambda _: api.end(NAME, "Complete")]
    with caplog.at_level(logging.INFO, logger="components.training"):
        launch_train_job(job(), backend, poll_s=POLL_S)
    assert "train job train-abc was started by somebody else just now: following it" in caplog.messages


def test_a_job_that_ended_while_nobody_looked_is_not_paid_for_again(api, backend):
    backend.submit(job())
    api.end(NAME, "Complete")
    launch_train_job(job(), backend, poll_s=POLL_S)
    assert api.count("create") == 1
    assert api.jobs == {}


def test_a_job_that_failed_before_makes_place_for_a_new_one(api, backend):
    backend.submit(job())
    api.end(NAME, "Failed")
    api.script = [lambda _: None, lambda _: api.end(NAME, "Complete")]
    launch_train_job(job(), backend, poll_s=POLL_S)
    assert api.count("create") == api.count("delete") == 2


def test_a_busy_api_server_is_asked_again(api, backend, caplog):
    api.refusals = {("get", "trainjobs"): [503], ("create", "trainjobs"): [429], ("list", "pods"): [500, 504]}
    api.script = [on_two_nodes(api), lambda _: api.end(NAME, "Complete")]
    launch_train_job(job(), backend, poll_s=POLL_S)
    assert caplog.text.count("refused by the test; trying again") == 4
    assert api.jobs == {}


def test_a_log_that_cannot_be_read_now_is_read_later(api, backend, caplog):
    api.refusals["get", "pods/log"] = [502, 400]
    api.script = [on_two_nodes(api), lambda _: None, lambda _: api.end(NAME, "Complete")]
    with caplog.at_level(logging.INFO, logger="components.training"):
        launch_train_job(job(), backend, poll_s=POLL_S)
    assert "node 0 (train-abc-node-0-0-x) | epoch 2" in caplog.messages
    assert "node 1 (train-abc-node-0-1-x) | epoch 1" in caplog.messages


def test_a_log_need_not_be_utf_8(api, backend, caplog):
    api.script = [on_two_nodes(api), lambda _: api.log(NAME, 0, "\udcff"), lambda _: api.end(NAME, "Complete")]
    with caplog.at_level(logging.INFO, logger="components.training"):
        launch_train_job(job(), backend, poll_s=POLL_S)
    assert "node 0 (train-abc-node-0-0-x) | \ufffd" in caplog.messages


def test_a_node_that_failed_is_named_though_all_pods_are_gone(api, backend):
    def all_gone(_):
        api.pods.clear()
        api.end(NAME, "Failed", reason="FailedJobs", message="jobset failed due to one or more job failures")

    crashed = {"exitCode": 3, "reason": "Error", "finishedAt": "2026-05-01T00:00:05Z"}
    waits = {"waiting": {"reason": "CrashLoopBackOff"}}
    restarted = {"containerStatuses": [{"name": "node", "state": waits, "lastState": {"terminated": crashed}}]}
    api.script = [on_two_nodes(api), lambda _: api.add_pod(NAME, 1, status=restarted), all_gone]
    with pytest.raises(TrainJobError, match=r"node 1 \(train-abc-node-0-1-x\) ended with exit code 3; it logged"):
        launch_train_job(job(), backend, poll_s=POLL_S)


def test_a_missing_right_is_said_with_the_role_that_has_it(api, backend):
    api.refusals["create", "trainjobs"] = [403]
    said = (
        "refused to create the train job train-abc in namespace team: refused by the test; the role pluszero-launcher"
    )
    with pytest.raises(PermissionError, match=said):
        launch_train_job(job(), backend, poll_s=POLL_S)


@pytest.mark.parametrize(
    ("status", "because"),
    [
        (422, "refused by the test"),
        (403, 'admission webhook "validator.trainjob.trainer.kubeflow.org" denied the request: no such runtime'),
        (403, "exceeded quota: jobs, requested: count/trainjobs=1"),
    ],
)
def test_a_job_that_the_cluster_refuses_is_the_callers_mistake(api, backend, status, because):
    api.refusals["create", "trainjobs"] = [status]
    api.refused_because = because
    with pytest.raises(ValueError, match="refused to create the train job train-abc") as refused:
        launch_train_job(job(), backend, poll_s=POLL_S)
    assert str(refused.value).endswith(because)


@pytest.mark.parametrize(
    ("status", "because"),
    [
        (404, "the server could not find the requested resource"),
        (400, 'strict decoding error: unknown field "spec.runtimePatches"'),
    ],
)
def test_a_trainer_that_is_not_there_or_too_old_is_said_with_its_version(api, backend, status, because):
    api.refusals["create", "trainjobs"] = [status]
    api.refused_because = because
    with pytest.raises(RuntimeError, match=r"Kubeflow Trainer 2\.2 or newer is needed: have it installed") as raised:
        launch_train_job(job(), backend, poll_s=POLL_S)
    assert because in str(raised.value)


def test_a_job_that_somebody_deletes_is_an_error(api, backend):
    api.script = [on_two_nodes(api), lambda _: api.jobs.clear()]
    with pytest.raises(TrainJobError, match="train job train-abc was deleted by somebody else; it logged: epoch"):
        launch_train_job(job(), backend, poll_s=POLL_S)


def test_nodes_that_do_not_start_are_given_up(api, backend):
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    status = {"containerStatuses": [{"name": "node", "state": waiting}]}
    api.script = [lambda _: api.add_pod(NAME, 0, "Pending", status=status)]
    said = r"still starting after 1 s \(node 0 .* waits: ImagePullBackOff: no such image\), and was stopped"
    with pytest.raises(TrainJobError, match=said):
        launch_train_job(job(start_timeout_s=1), backend, poll_s=POLL_S)
    assert api.jobs == {}


def test_a_job_that_runs_too_long_is_stopped(api, backend):
    api.script = [on_two_nodes(api)]
    with pytest.raises(TrainJobError, match="was still running after 1 s, and was stopped; it logged: epoch 2"):
        launch_train_job(job(timeout_s=1), backend, poll_s=POLL_S)
    assert api.jobs == {}


def test_time_in_the_queue_does_not_count(api, backend):
    def hold(found):
        found["spec"]["suspend"] = True

    def release(found):
        time.sleep(1.1)
        found["spec"]["suspend"] = False

    api.script = [hold, release, on_two_nodes(api), lambda _: api.end(NAME, "Complete")]
    launch_train_job(job(start_timeout_s=1, timeout_s=1), backend, poll_s=POLL_S)


LAUNCH = """
import signal, sys
from components.training.kubeflow_job.train_job import TrainJob
from components.training.kubeflow_job.cluster import ClusterBackend
from components.training.kubeflow_job.launch import launch_train_job

# A shell that runs the tests in the background has SIGINT ignored, and every process below it with it.
signal.signal(signal.SIGINT, signal.default_int_handler)
job = TrainJob(name="train-abc", command=("torchrun", "train.py"), image="x:v1", timeout_s=600, num_nodes=2)
launch_train_job(job, ClusterBackend("team", kubeconfig=sys.argv[1]), poll_s=0.05)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_launch_that_is_told_to_stop_deletes_its_job(api, tmp_path, repository, number, status):
    api.script = [on_two_nodes(api)]
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    command = [sys.executable, "-W", "ignore", "-c", LAUNCH, str(tmp_path / "kubeconfig")]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as child:
        deadline = time.monotonic() + 60
        while api.count("get", "pods/log") == 0 and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            assert NAME in api.jobs
            child.send_signal(number)
            assert child.wait(30) == status
        finally:
            child.kill()
    assert api.jobs == {}
    assert api.count("delete") == 1


def test_without_a_cluster_launching_says_what_it_needs(tmp_path):
    (tmp_path / "empty").write_text("{}", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="launching needs a cluster"):
        ClusterBackend(kubeconfig=tmp_path / "empty")
