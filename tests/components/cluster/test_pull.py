"""Whether a node pulls an image, by a pod that is gone afterwards."""

import pytest

from components.cluster import pull
from components.cluster.api import ClusterError
from tests.components.cluster.small_cluster import NAMESPACE, SmallCluster

IMAGE = "registry.example/team/pluszero-mlops-training:1"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(pull, "_PAUSE_S", 0.001)
    monkeypatch.setattr(pull, "_PATIENCE_S", 0.002)


def pod(**state):
    return {"status": {"containerStatuses": [{"state": state}]}}


def waiting(reason, message=""):
    return pod(waiting={"reason": reason, "message": message})


def answer(api, timeout_s=5.0):
    (found,) = pull.pull_answers(api, [IMAGE], namespace=NAMESPACE, pull_secrets=["regcred"], timeout_s=timeout_s)
    assert api.made == []
    assert found.subject == "image pluszero-mlops-training:1"
    return found.status, found.line()


@pytest.mark.parametrize(
    "last", [pod(terminated={}), pod(running={}), waiting("CreateContainerConfigError"), waiting("RunContainerError")]
)
def test_an_image_that_is_there_is_pulled_whatever_its_pod_does(last):
    status, _ = answer(SmallCluster(pods=[{}, waiting("ContainerCreating"), waiting("ErrImagePull"), last]))
    assert status == "good"


def test_an_image_that_no_node_gets_is_named_with_what_the_node_says():
    status, line = answer(SmallCluster(pods=[waiting("ImagePullBackOff", "no such\nhost")]))
    assert status == "bad"
    assert f"found {IMAGE}: no such host; mend it: make push-images" in line


def test_a_pod_that_no_node_takes_says_why_when_time_is_over():
    unscheduled = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]}
    status, line = answer(SmallCluster(pods=[{"status": unscheduled}]), timeout_s=0.01)
    assert status == "bad"
    assert "found none: 0/3 nodes are available" in line


def test_no_pod_is_no_answer():
    assert answer(SmallCluster(refusals={"pod": "is forbidden"}))[0] == "note"
    assert answer(SmallCluster())[0] == "note"


def test_the_pod_is_deleted_also_where_the_cluster_stops_answering():
    class Gone(SmallCluster):
        def get(self, path):
            raise ClusterError("gone")

    api = Gone()
    with pytest.raises(ClusterError):
        pull.pull_answers(api, [IMAGE], namespace=NAMESPACE)
    assert api.made == []
