"""States read off objects as an API server gives them."""

import pytest

from components.training.kubeflow_job.state import job_state
from components.training.kubeflow_job.train_job import JobState


def job(*conditions, **metadata):
    found = [{"type": kind, "status": "True", "reason": reason, "message": said} for kind, reason, said in conditions]
    return {
        "metadata": {"name": "t", **metadata},
        "spec": {"trainer": {"numNodes": 2}},
        "status": {"conditions": found},
    }


def pod(rank, phase="Running", *, made="2026-05-01T00:00:00Z", state=None, **status):
    statuses = [] if state is None else [{"name": "node", "state": state}]
    labels = {"batch.kubernetes.io/job-completion-index": str(rank)}
    return {
        "metadata": {"name": f"p{rank}", "labels": labels, "creationTimestamp": made},
        "status": {"phase": phase, "containerStatuses": statuses, **status},
    }


def ended(code, at, reason="Error"):
    return {"terminated": {"exitCode": code, "finishedAt": f"2026-05-01T00:00:{at:02d}Z", "reason": reason}}


def test_a_job_runs_when_all_its_nodes_do():
    assert job_state(job(), [pod(0), pod(1)]) == JobState(phase="running")
    assert job_state(job(), [pod(0), pod(1, "Succeeded")]) == JobState(phase="running")
    assert job_state(job(), [pod(0)]) == JobState(phase="starting")
    assert job_state(job(), []) == JobState(phase="starting")


def test_a_job_that_kueue_holds_back_is_queued():
    held = job(("Suspended", "Suspended", "TrainJob is suspended"))
    assert job_state(held, []) == JobState(phase="queued", reason="Suspended: TrainJob is suspended")
    held = job()
    held["spec"]["suspend"] = True
    assert job_state(held, []) == JobState(phase="queued")


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (
            {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image x"}}},
            "ImagePullBackOff: Back-off pulling image x",
        ),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
                    }
                ]
            },
            "Unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu",
        ),
    ],
)
def test_a_job_says_what_its_nodes_wait_for(status, why):
    found = job_state(job(), [pod(0), pod(1, "Pending", **status)])
    assert found == JobState(phase="starting", reason=f"node 1 (p1) waits: {why}", node="node 1 (p1)")


def test_a_container_that_is_being_made_is_nothing_to_say():
    found = job_state(job(), [pod(0, "Pending", state={"waiting": {"reason": "ContainerCreating"}}), pod(1)])
    assert found == JobState(phase="starting")


def restarted(now, code, at):
    """The status of a node whose container has ended before, and what it does now."""
    return {"containerStatuses": [{"name": "node", "state": {now: {}}, "lastState": ended(code, at)}]}


def test_the_pods_of_a_failed_job_are_gone_and_what_they_last_showed_is_known():
    failed = job(("Failed", "FailedJobs", "jobset failed due to one or more job failures"))
    tells = JobState(phase="failed", reason="node 1 (p1) ended with exit code 3", node="node 1 (p1)")
    for now in ("waiting", "running"):
        assert job_state(failed, [], [pod(0, state={"running": {}}), pod(1, **restarted(now, 3, at=5))]) == tells
    # What a node that runs again had before is not why the job failed, where another has just ended.
    assert (
        job_state(failed, [pod(0, **restarted("running", 1, at=1))], [pod(1, **restarted("waiting", 3, at=5))]) == tells
    )
    # Nor is what the pod of an earlier try had.
    tried = pod(1, "Failed", made="2026-04-30T00:00:00Z", state=ended(137, at=1))
    assert (
        job_state(failed, [], [tried, pod(0, state={"running": {}}), pod(1, **restarted("waiting", 3, at=5))]) == tells
    )


def test_a_failure_is_that_of_the_node_that_ended_first():
    failed = job(("Failed", "JobsFailed", "jobset failed due to one or more job failures"))
    pods = [pod(0, "Failed", state=ended(1, at=9)), pod(1, "Failed", state=ended(137, at=5, reason="OOMKilled"))]
    found = job_state(failed, pods)
    assert found.reason == "node 1 (p1) ended with exit code 137 (OOMKilled)"
    assert found.node == "node 1 (p1)"


def test_a_node_that_was_told_to_stop_is_not_to_blame():
    failed = job(("Failed", "FailedJobs", "jobset failed"))
    told = pod(0, "Failed", state=ended(143, at=9))
    for now in ("running", "waiting"):
        found = job_state(failed, [], [told, pod(1, **restarted(now, 3, at=5))])
        assert (found.node, found.reason) == ("node 1 (p1)", "node 1 (p1) ended with exit code 3")
    assert job_state(failed, [told, pod(1)]).reason == "node 0 (p0) ended with exit code 143"


def test_an_evicted_node_says_so():
    pods = [pod(0, "Failed", reason="Evicted", message="The node was low on memory.")]
    found = job_state(job(("Failed", "JobsFailed", "x")), pods)
    assert found.reason == "node 0 (p0) failed: Evicted: The node was low on memory"


def test_a_job_whose_time_is_up_does_not_blame_a_node():
    over = job(("Failed", "DeadlineExceeded", "TrainJob exceeded its deadline"))
    found = job_state(over, [pod(0, "Failed", state=ended(143, at=1))])
    assert found == JobState(phase="failed", reason="DeadlineExceeded: TrainJob exceeded its deadline")


def test_a_node_that_was_tried_again_counts_once():
    tried = pod(1, "Failed", state=ended(1, at=1))
    again = pod(1, made="2026-05-01T01:00:00Z")
    assert job_state(job(), [again, pod(0), tried]) == JobState(phase="running")


def test_a_complete_job_is_complete_whatever_its_pods_say():
    assert job_state(job(("Complete", "JobsCompleted", "")), [pod(0, "Failed")]) == JobState(phase="complete")


def test_nothing_comes_of_a_job_that_is_being_deleted():
    found = job_state(job(deletionTimestamp="2026-05-01T00:00:00Z"), [pod(0), pod(1)])
    assert found == JobState(phase="failed", reason="it is being deleted")
