"""The overlays on a real API server: strictly, whole, twice, and one over the other."""

import copy
import json

import pytest
import yaml

from tests.cluster.cluster import ClusterError
from tests.cluster.conftest import define_kinds
from tests.custom_resources import CRDS

pytestmark = pytest.mark.cluster

STRICT = ("apply", "--validate=strict", "-k")
ORDINARY: tuple[str, ...] = ()
SERVER_SIDE = ("--server-side",)
CLAIM = "persistentvolumeclaim/pluszero-workspace"
TRAIN_JOBS = "trainjobs.trainer.kubeflow.org"
KUEUE = "customresourcedefinition/localqueues.kueue.x-k8s.io"


def contents(cluster, folder):
    """The objects of a kustomization as the cluster has them, without what controllers write."""
    found = json.loads(cluster.kubectl("get", "-k", folder, "-o", "json"))["items"]
    for each in found:
        each.pop("status", None)
        for key in ("resourceVersion", "managedFields"):
            each["metadata"].pop(key, None)
    return found


def get(cluster, namespace, name):
    return json.loads(cluster.kubectl("get", "-n", namespace, name, "-o", "json"))


def may(cluster, namespace, user, verb, resource):
    """Whether a user may do something, as the API server says."""
    asked = ("auth", "can-i", verb, resource, "-n", namespace, f"--as={user}")
    try:
        return cluster.kubectl(*asked).strip() == "yes"
    except ClusterError:
        return False


@pytest.mark.parametrize("options", [ORDINARY, SERVER_SIDE], ids=["ordinary", "server-side"])
@pytest.mark.parametrize("name", ["dev", "prod-gpu", "profile", "profile-gpu", "standalone", "standalone-gpu"])
def test_an_overlay_is_accepted_whole_and_changes_nothing_the_second_time(cluster, overlay, name, options):
    namespace = f"{name}-{'server' if options else 'client'}"
    folder = overlay(name, namespace)
    if name not in ("dev", "prod-gpu"):
        # Kubeflow's own namespace is there before.
        cluster.kubectl("create", "namespace", namespace)
    cluster.kubectl(*STRICT, folder, *options)
    first = contents(cluster, folder)
    cluster.kubectl(*STRICT, folder, *options)
    assert contents(cluster, folder) == first
    assert len(first) == len(list(yaml.safe_load_all(cluster.kubectl("kustomize", folder))))


def test_without_profiles_the_account_of_runs_may_launch_a_training(cluster, overlay):
    cluster.kubectl("create", "namespace", "alone")
    cluster.kubectl(*STRICT, overlay("standalone", "alone"))
    assert may(cluster, "alone", "system:serviceaccount:kubeflow:pipeline-runner", "create", TRAIN_JOBS)
    assert not may(cluster, "alone", "system:serviceaccount:kubeflow:default", "create", TRAIN_JOBS)


def test_a_profile_gets_everything_by_the_documented_command(cluster, overlay):
    cluster.kubectl("create", "namespace", "alice")
    rendered = cluster.kubectl("kustomize", overlay("profile", "your-profile"))
    named = rendered.replace("namespace: your-profile\n", "namespace: alice\n")
    assert "your-profile" not in named
    cluster.kubectl("apply", "--validate=strict", "-f", "-", stdin=named)
    assert may(cluster, "alice", "system:serviceaccount:alice:default-editor", "create", TRAIN_JOBS)
    # The namespace is Kubeflow's, and stays as it was.
    labels = get(cluster, "alice", "namespace/alice")["metadata"]["labels"]
    assert not [label for label in labels if label.startswith("pod-security")]


def test_a_profile_whose_name_was_forgotten_is_refused(cluster, overlay):
    with pytest.raises(ClusterError, match=r'namespaces "your-profile" not found'):
        cluster.kubectl(*STRICT, overlay("profile", "your-profile"))


def test_an_unknown_field_is_refused(cluster, overlay):
    objects = list(yaml.safe_load_all(cluster.kubectl("kustomize", overlay("dev", "strict"))))
    runtime = copy.deepcopy(next(each for each in objects if each["kind"] == "ServingRuntime"))
    runtime["metadata"]["namespace"] = "default"
    runtime["spec"]["unknown"] = "x"
    with pytest.raises(ClusterError, match=r'unknown field "spec\.unknown"'):
        cluster.kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-", stdin=json.dumps(runtime))


def test_production_over_development_goes_through_whole_and_leaves_the_claim(cluster, overlay, apply):
    cluster.kubectl(*STRICT, overlay("dev", "grown"))
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "grown"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "10Gi"},
            "claimRef": {"namespace": "grown", "name": "pluszero-workspace"},
            "hostPath": {"path": "/run/cluster/grown", "type": "DirectoryOrCreate"},
        },
    }
    apply(volume)
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "--timeout=120s", "-n", "grown", CLAIM)
    before = get(cluster, "grown", CLAIM)
    cluster.kubectl(*STRICT, overlay("prod-gpu", "grown"))
    assert get(cluster, "grown", CLAIM) == before
    assert get(cluster, "grown", "localqueue/pluszero-gpu")["spec"]["clusterQueue"] == "gpu"
    (container,) = get(cluster, "grown", "servingruntime/pluszero-bundle")["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_productions_workspace_is_made_once_beside_its_overlay(cluster, overlay):
    cluster.kubectl(*STRICT, overlay("prod-gpu", "produced"))
    workspace = overlay("prod-gpu/workspace", "produced")
    cluster.kubectl(*STRICT, workspace)
    assert "unchanged" in cluster.kubectl(*STRICT, workspace)
    claim = get(cluster, "produced", CLAIM)["spec"]
    assert claim["accessModes"] == ["ReadWriteMany"]
    assert claim["resources"]["requests"]["storage"] == "500Gi"


def test_a_dry_run_names_the_kind_that_a_cluster_without_kueue_lacks(cluster, overlay):
    cluster.kubectl(*STRICT, overlay("dev", "queueless"))
    before = cluster.kubectl("get", "-n", "queueless", "servingruntimes,roles", "-o", "json")
    cluster.kubectl("delete", "--wait", KUEUE)
    try:
        with pytest.raises(ClusterError, match='no matches for kind "LocalQueue"'):
            cluster.kubectl(*STRICT, overlay("prod-gpu", "queueless"), "--dry-run=server", "--cache-dir=/run/fresh")
    finally:
        define_kinds(cluster, CRDS / "kueue_localqueues.yaml")
    assert cluster.kubectl("get", "-n", "queueless", "servingruntimes,roles", "-o", "json") == before
