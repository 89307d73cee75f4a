"""What a cluster would say to an overlay, and an overlay that cannot be rendered."""

import pytest

from components.cluster.api import ClusterError
from components.cluster.overlay import overlay_answers, rendered_overlay
from tests.components.cluster.small_cluster import GROUPS, INSIDE, NAMESPACE, SmallCluster

CORE = {"/api/v1": [("namespaces", "Namespace"), ("persistentvolumeclaims", "PersistentVolumeClaim")]}


def written(kind, name="pluszero-gpu", version="v1", namespace=NAMESPACE):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


QUEUE = written("LocalQueue", version="kueue.x-k8s.io/v1beta2")
CLAIM = written("PersistentVolumeClaim", "workspace")


def cluster(**options):
    return SmallCluster(groups={**GROUPS, **CORE}, **options)


def lines(api, *objects):
    return [answer.line() for answer in overlay_answers(api, objects)]


def test_an_overlay_that_goes_through_is_one_line_and_every_object_is_tried_where_it_belongs():
    api = cluster()
    assert lines(api, QUEUE, CLAIM) == ["✓ overlay: the cluster takes all 2 objects"]
    assert f"/apis/kueue.x-k8s.io/v1beta2/namespaces/{NAMESPACE}/localqueues/pluszero-gpu" in api.asked
    assert f"{INSIDE}/persistentvolumeclaims/workspace" in api.asked


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (
            "spec: Forbidden: spec is immutable after creation",
            "kubectl delete persistentvolumeclaim workspace -n",
        ),
        ('claims is forbidden: User "eve" cannot patch', "for the right to write PersistentVolumeClaim in alice"),
        ("is forbidden: exceeded quota: small", "have the quota of alice raised"),
        (
            'Internal error occurred: failed calling webhook "x"',
            "whether the program that answers the webhook runs",
        ),
        ('namespaces "alice" not found', "kubectl create namespace alice"),
        ('unknown field "spec.size"', "change the overlay by a patch"),
    ],
)
def test_a_refusal_is_said_with_what_mends_it(reason, remedy):
    (found,) = lines(cluster(refusals={"workspace": reason}), QUEUE, CLAIM)
    assert found.startswith(
        f"✗ PersistentVolumeClaim workspace: asked for an object that the cluster takes, found {reason}"
    )
    assert remedy in found.partition("mend it: ")[2]


def test_a_kind_that_the_cluster_does_not_have_is_named():
    (found,) = lines(cluster(), written("LocalQueue", version="kueue.x-k8s.io/v1beta9"))
    assert "asked for the kind LocalQueue of kueue.x-k8s.io/v1beta9" in found
    assert "Kueue 0.15 or newer, or take an overlay without the component kueue" in found
    assert "KServe" in lines(cluster(), written("Thing", version="serving.kserve.io/v1beta1"))[0]


def test_what_lies_in_a_namespace_that_the_overlay_makes_cannot_be_tried_yet():
    found = lines(
        cluster(), written("Namespace", "new", namespace=None), written("PersistentVolumeClaim", namespace="new")
    )
    assert found[0].startswith("! PersistentVolumeClaim pluszero-gpu: asked for a dry run")
    assert found[1] == "✓ overlay: the cluster takes all 2 objects"


def test_what_may_not_be_seen_is_said():
    found = lines(cluster(unseen=["/apis/kueue.x-k8s.io/v1beta2"]), QUEUE)
    assert found[0].startswith("? LocalQueue pluszero-gpu: you may not read /apis/kueue.x-k8s.io/v1beta2")


def test_a_cluster_that_says_something_else_is_an_error():
    with pytest.raises(ClusterError, match="must say which kinds v1 has"):
        overlay_answers(SmallCluster({"/api/v1": {}}), [CLAIM])


def test_an_overlay_must_be_one_and_kubectl_there(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"must be a folder with a kustomization\.yaml"):
        rendered_overlay(tmp_path)
    (tmp_path / "kustomization.yaml").write_text("resources: []")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="kubectl must be on the PATH"):
        rendered_overlay(tmp_path)
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\necho 'kind: Namespace'\n")
    kubectl.chmod(0o755)
    assert rendered_overlay(tmp_path) == [{"kind": "Namespace"}]
    kubectl.write_text("#!/bin/sh\necho 'error: no such\nbase' >&2; exit 1\n")
    with pytest.raises(ValueError, match="must be one that kustomize renders: error: no such base"):
        rendered_overlay(tmp_path)
