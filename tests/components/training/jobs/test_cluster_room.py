"""Whether the cluster has room is looked at before anything is paid for: on a cluster, as far as one may look."""

import logging
import sys

import pytest

from components.cluster.api import ClusterError
from components.shared.contracts.cluster_spec import ClusterSpec, StepSize
from components.shared.contracts.problem import Problem
from components.training.jobs import cluster_room
from components.training.jobs.cluster_room import refuse_without_room
from tests.components.cluster.small_cluster import (
    INSIDE,
    listed,
    LOCAL_QUEUES,
    named,
    NAMESPACE,
    node,
    NODES,
    QUOTAS,
    SmallCluster,
)


@pytest.fixture
def in_a_pod(tmp_path, monkeypatch):
    (tmp_path / "token").write_text("sesame")
    (tmp_path / "namespace").write_text(NAMESPACE)
    monkeypatch.setattr(cluster_room, "ACCOUNT_FOLDER", tmp_path)
    monkeypatch.setenv("PLUSZERO_RUN_ID", "7d0c")
    return tmp_path


@pytest.mark.usefixtures("in_a_pod")
@pytest.mark.parametrize("profile", ["cpu", "gpu", "nodes"])
def test_a_run_that_has_room_begins(profile):
    api = SmallCluster()
    refuse_without_room(Problem(), profile, api=api)
    assert any(path.startswith(NODES) for path in api.asked)


@pytest.mark.usefixtures("in_a_pod")
def test_a_run_that_would_wait_in_vain_is_refused_in_one_sentence():
    small = listed(named("small", spec={}, status={"hard": {"requests.memory": "8Gi"}}))
    api = SmallCluster({NODES: listed(node(gpus=1)), LOCAL_QUEUES: listed(), QUOTAS: small})
    problem = Problem(cluster=ClusterSpec(gpus=4, training=StepSize(memory="16Gi")))
    with pytest.raises(ValueError, match=r"^the cluster must have room for the run, but has none: GPUs: ") as refused:
        refuse_without_room(problem, "gpu", api=api)
    lacking = str(refused.value)
    assert "asked for a node with 4 of nvidia.com/gpu" in lacking
    assert "; queue pluszero-gpu: asked for Kueue's LocalQueue" in lacking
    assert "; quota small: asked for room for the largest step" in lacking
    assert "\n" not in lacking
    assert "✗" not in lacking


@pytest.mark.usefixtures("in_a_pod")
def test_what_may_not_be_seen_stops_nothing():
    closed = SmallCluster({NODES: listed()}, unseen=[NODES, INSIDE, "/apis/kueue.x-k8s.io/v1beta2/"])
    refuse_without_room(Problem(), "nodes", api=closed)


@pytest.mark.usefixtures("in_a_pod")
def test_a_cluster_that_does_not_answer_stops_nothing_and_is_one_line_of_the_log(caplog):
    class Silent(SmallCluster):
        def get(self, path):
            raise ClusterError("the cluster at https://eve:sesame@host must answer, but does not: timed out")

    with caplog.at_level(logging.INFO):
        refuse_without_room(Problem(), "gpu", api=Silent())
    (line,) = caplog.messages
    assert line.startswith("whether the cluster has room is not known: the cluster at ")
    assert "sesame" not in line


@pytest.mark.parametrize("missing", ["run", "token"])
def test_nothing_is_asked_or_imported_on_a_desk_or_without_an_account(in_a_pod, monkeypatch, missing):
    if missing == "run":
        monkeypatch.delenv("PLUSZERO_RUN_ID")
    else:
        (in_a_pod / "token").unlink()
    # Whoever imports it now fails.
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    refuse_without_room(Problem(), "gpu")
    api = SmallCluster()
    refuse_without_room(Problem(), "gpu", api=api)
    assert api.asked == []


def test_a_profile_that_is_none_is_named():
    with pytest.raises(ValueError, match="profile must be one of gpu, cpu, nodes, got 'tpu'"):
        refuse_without_room(Problem(), "tpu")
