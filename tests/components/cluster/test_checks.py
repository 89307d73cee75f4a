"""Each check of a cluster: one that lacks nothing, and one thing changed at a time."""

import pytest

from components.cluster.look import looked_at, no_room
from components.cluster.wanted import Wanted, wanted_of
from components.shared.contracts.cluster_spec import ClusterSpec, StepSize
from components.shared.contracts.problem import Problem
from tests.components.cluster.small_cluster import (
    ARGO_CONFIG,
    argo_config,
    AUTOSCALER,
    CLAIM,
    claim,
    CLASSES,
    CLUSTER_QUEUES,
    condition,
    CONTAINERS,
    deployment,
    DEPLOYMENTS,
    GROUPS,
    INSIDE,
    listed,
    LOCAL_QUEUES,
    named,
    NAMESPACE,
    node,
    NODES,
    QUOTAS,
    RUNTIMES,
    SECRET,
    SmallCluster,
    TRAINING_RUNTIMES,
    whole_cluster,
)

IMAGE = "registry.example/team/pluszero-mlops-training"
DIGEST = "sha256:" + "5" * 64


def answers(api, *, profile="nodes", **wanted):
    asked = wanted_of(Problem(), namespace=NAMESPACE, profile=profile)
    fields = {"namespace": NAMESPACE, "profile": profile, "num_nodes": asked.num_nodes, **wanted}
    return looked_at(api, Wanted(**fields))


def lines(api, status, **wanted):
    return [answer.line() for answer in answers(api, **wanted) if answer.status == status]


def changed_deployment(name, image, **more):
    kept = [each for each in whole_cluster()[DEPLOYMENTS]["items"] if each["metadata"]["name"] != name]
    return {DEPLOYMENTS: listed(*kept, *([deployment(name, image, **more)] if image else []))}


def quota(hard, used=None, **spec):
    return {QUOTAS: listed(named("small", spec={"hard": hard, **spec}, status={"hard": hard, "used": used or {}}))}


def cluster_queue(spec):
    return {CLUSTER_QUEUES: listed(named("gpu", spec={"namespaceSelector": {}, **spec}, status=condition("True")))}


def quotas(**flavors):
    """One group of resources; each flavor has plenty of what is not said."""
    plenty = {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "2"}
    given = [
        {
            "name": name,
            "resources": [{"name": key, "nominalQuota": amount} for key, amount in {**plenty, **changes}.items()],
        }
        for name, changes in flavors.items()
    ]
    return {"resourceGroups": [{"coveredResources": list(plenty), "flavors": given}]}


@pytest.mark.parametrize("profile", ["cpu", "gpu", "nodes"])
def test_a_cluster_queue_with_quota_for_all_nodes_of_a_job_is_good(profile):
    assert lines(SmallCluster(cluster_queue(quotas(one={"cpu": "0"}, two={}))), "bad", profile=profile) == []


@pytest.mark.parametrize("profile", ["cpu", "gpu", "nodes"])
def test_a_cluster_that_lacks_nothing_is_good_throughout(profile):
    found = answers(SmallCluster(), profile=profile)
    assert {answer.status for answer in found} == {"good"}
    assert all(answer.line().startswith(f"✓ {answer.subject}: ") for answer in found)


MARKS = {"bad": "✗", "note": "!", "unseen": "?"}
CHANGES = {
    # Programs.
    "Kubernetes is old": (SmallCluster({"/version": {"gitVersion": "v1.26.0"}}), "bad", "Kubernetes: asked for 1.27"),
    "KFP is missing": (
        SmallCluster(changed_deployment("ml-pipeline", "")),
        "bad",
        "Kubeflow Pipelines: asked for Kubeflow Pipelines 2.15 or newer, found none",
    ),
    "KFP is old": (
        SmallCluster(changed_deployment("ml-pipeline", "kfp-api-server:2.5.0")),
        "bad",
        "found 2.5.0: steps do not start where",
    ),
    "KFP misses a comfort": (
        SmallCluster(changed_deployment("ml-pipeline", "kfp-api-server:2.15.2")),
        "note",
        "Kubeflow Pipelines: asked for 2.16 or newer, found 2.15.2",
    ),
    "an image without a version": (
        SmallCluster(changed_deployment("ml-pipeline", f"registry:5000/api-server@{DIGEST}")),
        "note",
        "found an image without a version, registry:5000/api-server@sha256",
    ),
    "a controller is down": (
        SmallCluster(changed_deployment("workflow-controller", "workflow-controller:v4.0.8", available=0)),
        "note",
        "v4.0.8 without a pod that is ready; mend it: kubectl describe deployment workflow-controller -n kubeflow",
    ),
    "Kueue is missing": (
        SmallCluster(
            changed_deployment("kueue-controller-manager", ""),
            groups={version: kinds for version, kinds in GROUPS.items() if "kueue" not in version},
        ),
        "note",
        "found none: GPU steps do not queue",
    ),
    "Trainer's runtime is missing": (
        SmallCluster({TRAINING_RUNTIMES: listed()}),
        "bad",
        "ClusterTrainingRuntime torch-distributed, found none",
    ),
    # The namespace.
    "the serving runtime is missing": (
        SmallCluster({RUNTIMES: listed()}),
        "bad",
        "mend it: kubectl kustomize manifests/overlays/profile-gpu | "
        "sed 's/namespace: your-profile$/namespace: alice/' | kubectl apply -f -",
    ),
    "the predictor's account is missing": (
        SmallCluster({f"{INSIDE}/serviceaccounts": listed(named("default-editor"))}),
        "bad",
        "accounts: asked for the account pluszero-predictor in alice, found default-editor",
    ),
    "the account of steps is missing": (
        SmallCluster({f"{INSIDE}/serviceaccounts": listed(named("pluszero-predictor"))}),
        "bad",
        "the account default-editor in alice, found pluszero-predictor; mend it: name the account",
    ),
    "KServe's own container is not restricted": (
        SmallCluster({CONTAINERS: listed(named("default", spec={"container": {}}))}),
        "bad",
        "found none for runAsNonRoot, allowPrivilegeEscalation, capabilities, seccompProfile",
    ),
    "KServe's own container is missing": (SmallCluster({CONTAINERS: listed()}), "note", "ClusterStorageContainer"),
    "KServe passes the namespace over": (
        SmallCluster({INSIDE: named(NAMESPACE, labels={"control-plane": "kubeflow"})}),
        "note",
        "found alice, which has it: KServe fetches no model there",
    ),
    "the secret is missing": (
        SmallCluster(without=[SECRET]),
        "note",
        "mend it: kubectl create secret generic pluszero-object-store -n alice --from-literal=AWS_ACCESS_KEY_ID=...",
    ),
    "the secret has other keys": (
        SmallCluster({SECRET: named("pluszero-object-store", data={"accesskey": ""})}),
        "bad",
        "found accesskey, not AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; mend it: kubectl delete secret",
    ),
    "KServe does not learn the endpoint": (
        SmallCluster(
            {
                SECRET: named(
                    "store", data=dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"))
                )
            }
        ),
        "note",
        "kubectl annotate secret pluszero-object-store -n alice serving.kserve.io/s3-endpoint=HOST:PORT",
    ),
    # The workspace.
    "the claim is missing": (
        SmallCluster(without=[CLAIM]),
        "bad",
        "found none; mend it: kubectl kustomize manifests/overlays/prod-gpu/workspace | "
        "sed 's/namespace: pluszero$/namespace: alice/'",
    ),
    "the claim is elsewhere": (
        SmallCluster({"/api/v1/persistentvolumeclaims": listed(claim(namespace="bob"))}, without=[CLAIM]),
        "bad",
        "found one in bob, where pods of alice cannot mount it",
    ),
    "the claim is one node's": (SmallCluster({CLAIM: claim("ReadWriteOnce")}), "bad", "a mode cannot change"),
    "the claim is lost": (SmallCluster({CLAIM: claim(phase="Lost")}), "bad", "its volume is lost"),
    "the storage class is missing": (
        SmallCluster({CLAIM: claim(phase="Pending", storageClassName="fast")}),
        "bad",
        "asked for the storage class fast, found local, standard",
    ),
    "there is no default storage class": (
        SmallCluster({CLAIM: claim(phase="Pending"), CLASSES: listed()}),
        "bad",
        "asked for a default storage class, found no storage class at all",
    ),
    "the claim waits for a volume": (
        SmallCluster({CLAIM: claim(phase="Pending", storageClassName="standard")}),
        "note",
        "found one that waits for a volume of the storage class standard",
    ),
    "the claim waits for a volume made by hand": (
        SmallCluster({CLAIM: claim(phase="Pending", storageClassName="")}),
        "note",
        "found one that waits for a volume of no storage class",
    ),
    # Room.
    "no node takes pods": (
        SmallCluster({NODES: listed(node(cordoned=True), node("two", taints=[("dedicated", "NoSchedule")]))}),
        "bad",
        "nodes: asked for a node with 500m cores and 1Gi, found none that takes pods",
    ),
    "all nodes are small": (
        SmallCluster(
            {NODES: listed(node(memory="900Mi", gpus=0), node("gpu", taints=[("nvidia.com/gpu", "NoSchedule")]))}
        ),
        "bad",
        "found at most 8 cores with 0.9Gi",
    ),
    "no node has GPUs": (SmallCluster({NODES: listed(node(gpus=0))}), "bad", "found no node with nvidia.com/gpu"),
    "GPUs have no label": (
        SmallCluster({NODES: listed(node(label=False))}),
        "bad",
        "kubectl label node one nvidia.com/gpu.present=true",
    ),
    "too few nodes have GPUs": (
        SmallCluster({NODES: listed(node(gpus=1))}),
        "bad",
        "nvidia.com/gpu.present=true, 2 times, found at most 1 on one node, 1 in all; mend it: set training:",
    ),
    "the queue is missing": (
        SmallCluster({LOCAL_QUEUES: listed(named("other"))}),
        "bad",
        "asked for Kueue's LocalQueue pluszero-gpu in alice, for which GPU steps wait, found other",
    ),
    "the cluster queue is missing": (
        SmallCluster({CLUSTER_QUEUES: listed()}),
        "bad",
        "asked for the ClusterQueue gpu behind it, found none",
    ),
    "the cluster queue is stopped": (
        SmallCluster({CLUSTER_QUEUES: listed(named("gpu", status=condition("False", "is stopped")))}),
        "bad",
        "asked for an active ClusterQueue gpu, found is stopped",
    ),
    "the queue says so where its cluster queue is not seen": (
        SmallCluster(
            {
                LOCAL_QUEUES: listed(
                    named("pluszero-gpu", spec={"clusterQueue": "gpu"}, status=condition("False", "no such"))
                )
            },
            unseen=[CLUSTER_QUEUES],
        ),
        "bad",
        "found no such; mend it: have an administrator mend the ClusterQueue gpu",
    ),
    "the cluster queue counts GPUs alone": (
        SmallCluster(
            cluster_queue({"resourceGroups": [{"coveredResources": ["nvidia.com/gpu"]}]}),
        ),
        "note",
        "found none for cpu, memory",
    ),
    "the cluster queue has too few GPUs": (
        SmallCluster(cluster_queue(quotas(one={"nvidia.com/gpu": "1"}, two={"nvidia.com/gpu": "0"}))),
        "bad",
        "found too little: it asks for 2 of nvidia.com/gpu, 1 in the flavor one; mend it: ask for less in the problem",
    ),
    "the cluster queue has too little memory": (
        SmallCluster(cluster_queue(quotas(one={"memory": "1900Mi"}))),
        "bad",
        "found too little: it asks for 2048Mi of memory, 1900Mi in the flavor one",
    ),
    "the cluster queue may borrow": (
        SmallCluster(cluster_queue({**quotas(one={"nvidia.com/gpu": "1"}), "cohortName": "all"})),
        "note",
        "1 in the flavor one; mend it: none, where its cohort all lends the rest",
    ),
    "the cluster queue takes no namespace": (
        SmallCluster({CLUSTER_QUEUES: listed(named("gpu", spec={}, status=condition("True")))}),
        "bad",
        "asked for a ClusterQueue gpu that takes pods of alice, found the namespaceSelector of none; mend it: have an",
    ),
    "the cluster queue takes other namespaces": (
        SmallCluster(cluster_queue({"namespaceSelector": {"matchLabels": {"team": "vision"}}})),
        "bad",
        "found the namespaceSelector {'matchLabels': {'team': 'vision'}}; mend it: have an administrator widen it",
    ),
    "lost pods are tried again, failures are not": (
        SmallCluster({ARGO_CONFIG: argo_config("OnError")}),
        "note",
        "found OnError: a step that fails itself, an object store out of reach for one, stays red; mend it: have an",
    ),
    "failures are tried again, lost pods are not": (
        SmallCluster({ARGO_CONFIG: argo_config("")}),
        "note",
        "found none named, which is OnFailure: a pod that is lost with its node is not tried again",
    ),
    "the quota is too small": (
        SmallCluster(quota({"requests.memory": "512Mi", "pods": "10"})),
        "bad",
        "found too little: it asks for 1Gi of requests.memory, 512Mi in all; mend it: ask for less",
    ),
    "the quota has no GPU": (
        SmallCluster(quota({"requests.nvidia.com/gpu": "0"})),
        "bad",
        "it asks for 1 of requests.nvidia.com/gpu, 0 in all",
    ),
    "the quota is in use": (
        SmallCluster(quota({"requests.cpu": "4"}, {"requests.cpu": "3900m"})),
        "note",
        "found 3900m of 4 requests.cpu in use: it waits until that is free",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_change_is_one_line_and_everything_else_stays_good(change):
    api, status, said = CHANGES[change]
    (found,) = [answer for answer in answers(api) if answer.status != "good"]
    assert found.line().startswith(f"{MARKS[status]} {found.subject}: asked for ")
    assert said in found.line()
    assert "\n" not in found.line()


def test_what_may_not_be_seen_is_said_and_stops_nothing():
    closed = ("/api/v1", "/apis/apps", "/apis/storage", LOCAL_QUEUES, CLUSTER_QUEUES, RUNTIMES, CONTAINERS)
    found = answers(SmallCluster(unseen=[*closed, TRAINING_RUNTIMES]), images=(f"{IMAGE}:1",))
    assert {answer.status for answer in found} == {"good", "unseen"}
    assert [answer.subject for answer in found if answer.status == "good"] == ["Kubernetes"]
    seen = {answer.subject for answer in found}
    assert {"namespace", "claim pluszero-workspace", "nodes", "GPUs", "queue pluszero-gpu", "quota", "images"} <= seen


def test_a_program_that_no_kind_shows_is_missing_where_deployments_may_not_be_seen():
    without = {version: kinds for version, kinds in GROUPS.items() if "kserve" not in version}
    (found,) = lines(SmallCluster(unseen=[DEPLOYMENTS], groups=without), "bad", profile="cpu")[:1]
    assert found.startswith("✗ KServe: asked for KServe 0.16 or newer, found none in the cluster")


def test_helms_deployments_are_known_by_their_image_and_a_digest_by_its_label():
    helm = deployment("argo-workflows-workflow-controller", "quay.io/argoproj/workflow-controller:v4.0.8")
    kserve = deployment("x", f"r:5000/kserve-controller@{DIGEST}", labels={"app.kubernetes.io/version": "v0.20.1"})
    kept = [
        each
        for each in whole_cluster()[DEPLOYMENTS]["items"]
        if each["metadata"]["name"] not in ("workflow-controller", "kserve-controller-manager")
    ]
    good = lines(SmallCluster({DEPLOYMENTS: listed(*kept, helm, kserve)}), "good")
    assert {"✓ Argo Workflows: v4.0.8", "✓ KServe: v0.20.1"} <= set(good)


def test_of_several_pipelines_that_of_the_namespace_counts():
    both = [
        deployment("ml-pipeline", "kfp-api-server:2.5.0"),
        deployment("ml-pipeline", "kfp-api-server:2.17.0", namespace=NAMESPACE),
    ]
    rest = whole_cluster()[DEPLOYMENTS]["items"][1:]
    assert "✓ Kubeflow Pipelines: 2.17.0" in lines(SmallCluster({DEPLOYMENTS: listed(*both, *rest)}), "good")


@pytest.mark.parametrize(
    ("namespace", "labels", "profile", "command"),
    [
        ("kubeflow", {}, "cpu", "kubectl apply -k manifests/overlays/standalone"),
        ("kubeflow", {}, "gpu", "kubectl apply -k manifests/overlays/standalone-gpu"),
        ("pluszero", {}, "cpu", "kubectl apply -k manifests/overlays/dev"),
        ("pluszero", {}, "nodes", "kubectl apply -k manifests/overlays/prod-gpu"),
        ("models", {}, "cpu", "kubectl kustomize manifests/overlays/dev | sed 's/: pluszero$/: models/'"),
        (
            "bob",
            {"app.kubernetes.io/part-of": "kubeflow-profile"},
            "cpu",
            "kubectl kustomize manifests/overlays/profile | sed 's/namespace: your-profile$/namespace: bob/'",
        ),
        ("bob", None, "cpu", "kubectl kustomize manifests/overlays/profile |"),
    ],
)
def test_the_command_is_that_of_the_namespaces_kubeflow(namespace, labels, profile, command):
    place = f"/api/v1/namespaces/{namespace}"
    known = {} if labels is None else {place: named(namespace, labels=labels)}
    api = SmallCluster(known, unseen=[place] if labels is None else [])
    found = lines(api, "bad", namespace=namespace, profile=profile)
    assert any(line.startswith("✗ serving runtime") and f"mend it: {command}" in line for line in found)


def test_without_the_namespace_nothing_of_it_is_asked_for():
    (found,) = lines(SmallCluster(), "bad", namespace="nowhere")
    assert found.startswith(
        "✗ namespace: asked for a namespace nowhere, found none of that name; mend it: name the one"
    )
    (own,) = lines(SmallCluster(), "bad", namespace="pluszero")
    assert "kubectl apply -k manifests/overlays/dev makes it" in own


def test_an_autoscaler_may_make_the_room_that_is_missing():
    no_gpus = {NODES: listed(node(gpus=0, memory="512Mi"))}
    karpenter = SmallCluster(no_gpus, groups={**GROUPS, "karpenter.sh/v1": []})
    for api in (
        SmallCluster({**no_gpus, AUTOSCALER: named("status")}),
        karpenter,
        SmallCluster(no_gpus, unseen=[AUTOSCALER]),
    ):
        assert lines(api, "bad") == []
        assert sum("an autoscaler may add others" in line for line in lines(api, "note")) == 2


def test_a_tainted_gpu_node_counts_for_gpus_and_not_for_other_steps():
    tainted = node("gpu", taints=[("nvidia.com/gpu", "NoSchedule"), ("soft", "PreferNoSchedule")])
    assert lines(SmallCluster({NODES: listed(tainted, node("plain", gpus=0))}), "bad") == []
    assert len(lines(SmallCluster({NODES: listed(tainted)}), "bad")) == 1


def test_sizes_and_gpus_of_the_problem_file_count():
    spec = ClusterSpec(gpus=4, training=StepSize(memory="64Gi"), secret="pets-store")
    found = lines(SmallCluster(), "bad", profile="gpu", spec=spec, gpus=4, num_nodes=1)
    assert [line.partition(":")[0] for line in found] == ["✗ secret pets-store", "✗ GPUs"]
    assert "with 500m cores and 64Gi, found at most 8 cores with 32.0Gi" in found[1]
    assert "and 64Gi" in lines(SmallCluster(), "bad", profile="cpu", spec=spec)[1]


def test_the_profile_says_where_gpus_and_nodes_are_asked_for():
    problem = Problem(training={"num_nodes": 3, "num_processes": 4}, cluster=ClusterSpec(gpus=8))
    asked = {name: wanted_of(problem, namespace="x", profile=name) for name in ("gpu", "nodes")}
    assert {name: (wanted.num_nodes, wanted.gpus) for name, wanted in asked.items()} == {"gpu": (1, 8), "nodes": (3, 4)}
    assert wanted_of(Problem(), namespace="x", profile="nodes").num_nodes == 2


def test_a_quota_with_scopes_holds_for_other_pods():
    assert lines(SmallCluster(quota({"pods": "0"}, scopes=["BestEffort"])), "bad") == []


@pytest.mark.parametrize(
    ("image", "listed_as", "status", "said"),
    [
        (f"{IMAGE}:1", f"{IMAGE}:1", "good", "on the node"),
        (f"{IMAGE}:1@{DIGEST}", f"{IMAGE}@{DIGEST}", "good", "on the node"),
        (f"r:5000/{IMAGE}@{DIGEST}", f"r:5000/{IMAGE}@{DIGEST}", "good", "on the node"),
        (f"{IMAGE}:1@{DIGEST}", f"{IMAGE}:1", "note", "on no node yet; mend it: --pull tries it"),
        ("localhost/pluszero-mlops-training:dev", "x", "bad", "which each node looks for on itself, on no node yet"),
        ("localhost/pluszero-mlops-training:dev", "localhost/pluszero-mlops-training:dev", "good", "on the node"),
    ],
)
def test_an_image_is_on_the_nodes_or_where_they_can_ask_for_it(image, listed_as, status, said):
    api = SmallCluster({NODES: listed(node(images=[listed_as]), node("control", taints=[("control", "NoSchedule")]))})
    (found,) = [answer for answer in answers(api, images=(image,)) if answer.subject.startswith("image ")]
    assert (found.status, said in found.line()) == (status, True)
    assert found.subject.startswith("image pluszero-mlops-training")


def test_only_room_is_read_where_only_room_is_asked_for():
    api = SmallCluster({LOCAL_QUEUES: listed(), NODES: listed(node(gpus=1))})
    found = no_room(api, Wanted(namespace=NAMESPACE, profile="nodes", num_nodes=2))
    assert [line.partition(":")[0] for line in found] == ["GPUs", "queue pluszero-gpu"]
    assert not any("secrets" in path or "deployments" in path for path in api.asked)


def test_many_nodes_come_in_parts():
    class Paged(SmallCluster):
        def get(self, path):
            if path.startswith(NODES):
                last = "continue=more" in path
                part = listed(node(gpus=2) if last else node("first", gpus=0))
                return part if last else {**part, "metadata": {"continue": "more"}}
            return super().get(path)

    assert lines(Paged(), "bad") == []
