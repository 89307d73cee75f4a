"""What our roles allow and refuse, asked of the real API server by acting as their accounts."""

import json
import sys

import pytest
import yaml

from components.shared.contracts.inference_service import inference_service_yaml
from components.training.kubeflow_job.state import JOB_LABEL, RANK_LABEL, ROLE_LABEL
from tests.cluster.cluster import ClusterError
from tests.cluster.conftest import toolbox_pod
from tests.cluster.harness.accounts import kubeconfig_of

pytestmark = pytest.mark.cluster

NAMESPACE = "access"
RUNS_PIPELINES = "pipeline-runner"


def account(name, namespace=NAMESPACE):
    return f"--as=system:serviceaccount:{namespace}:{name}"


@pytest.fixture(scope="module")
def access(cluster, overlay):
    """The cluster, with the overlay in place and the launcher's role bound as the README says."""
    cluster.kubectl("apply", "-k", overlay("dev", NAMESPACE))
    cluster.kubectl("create", "serviceaccount", RUNS_PIPELINES, "-n", NAMESPACE)
    bound = ("--role=pluszero-launcher", f"--serviceaccount={NAMESPACE}:{RUNS_PIPELINES}")
    cluster.kubectl("create", "rolebinding", "pluszero-launcher", "-n", NAMESPACE, *bound)
    return cluster


def may(cluster, who, verb, what, namespace=NAMESPACE):
    """Whether an account may do it; kubectl ends with 1 where it may not."""
    script = '"$@" || [ $? = 1 ]'
    resource, _, subresource = what.partition("/")
    part = (f"--subresource={subresource}",) if subresource else ()
    asked = ("kubectl", "auth", "can-i", verb, resource, *part, "-n", namespace, account(who))
    answer = cluster.run(["sh", "-c", script, "sh", *asked]).strip()
    return {"yes": True, "no": False}[answer]


@pytest.mark.parametrize(
    ("who", "verbs", "what", "allowed"),
    [
        ("pluszero-deployer", "get list watch create patch", "inferenceservices.serving.kserve.io", True),
        ("pluszero-deployer", "update delete deletecollection", "inferenceservices.serving.kserve.io", False),
        ("pluszero-deployer", "get list", "servingruntimes.serving.kserve.io", True),
        ("pluszero-deployer", "create patch delete", "servingruntimes.serving.kserve.io", False),
        ("pluszero-deployer", "get list create delete", "pods", False),
        ("pluszero-deployer", "get list create", "secrets", False),
        (RUNS_PIPELINES, "create get delete", "trainjobs.trainer.kubeflow.org", True),
        (RUNS_PIPELINES, "list", "pods", True),
        (RUNS_PIPELINES, "get", "pods/log", True),
        (RUNS_PIPELINES, "create delete", "pods", False),
        (RUNS_PIPELINES, "create", "pods/exec", False),
        (RUNS_PIPELINES, "get list", "secrets", False),
        ("pluszero-predictor", "get list create", "pods", False),
        ("pluszero-predictor", "get list", "secrets", False),
        ("pluszero-predictor", "get list", "inferenceservices.serving.kserve.io", False),
    ],
)
def test_an_account_may_do_its_work_and_no_more(access, who, verbs, what, allowed):
    assert {verb: may(access, who, verb, what) for verb in verbs.split()} == dict.fromkeys(verbs.split(), allowed)


@pytest.mark.parametrize("who", ["pluszero-deployer", RUNS_PIPELINES])
def test_a_role_ends_at_its_namespace(access, who):
    for what in ("inferenceservices.serving.kserve.io", "trainjobs.trainer.kubeflow.org", "pods"):
        assert not may(access, who, "list", what, namespace="default")
        assert not may(access, who, "create", what, namespace="default")


def test_a_deployer_applies_a_release_twice_and_cannot_delete_it(access):
    release = inference_service_yaml(model_name="digits", version="0123456789abcdef", storage_uri="s3://models/v")
    as_deployer = ("-n", NAMESPACE, account("pluszero-deployer"))
    assert "created" in access.kubectl("apply", "--validate=strict", *as_deployer, "-f", "-", stdin=release)
    newer = release.replace("0123456789abcdef", "fedcba9876543210")
    assert "configured" in access.kubectl("apply", "--validate=strict", *as_deployer, "-f", "-", stdin=newer)
    for refused in (("delete", "inferenceservice", "digits"), ("get", "pods"), ("get", "secrets")):
        with pytest.raises(ClusterError, match="forbidden"):
            access.kubectl(*refused, *as_deployer)


LAUNCH = """
import json, sys
from components.training.kubeflow_job.cluster import ClusterBackend
from components.training.kubeflow_job.train_job import TrainJob

backend = ClusterBackend(sys.argv[1], kubeconfig=sys.argv[2])
backend.submit(TrainJob(name="train-abc", command=("torchrun",), image="localhost/training:v1", timeout_s=60))
said = [line.text for line in backend.new_lines("train-abc")]
phases = [backend.state("train-abc").phase]
backend.delete("train-abc")
print(json.dumps([said, phases, backend.state("train-abc")]))
"""


def audited_requests(cluster, who, namespace=NAMESPACE):
    """What the audit log says that an account asked for, by what was decided: verb, group, resource."""
    lines = (cluster.folder / "logs" / "audit.log").read_text(encoding="utf-8").splitlines()
    found = {"allow": set(), "forbid": set()}
    for event in map(json.loads, lines):
        if event["user"]["username"] == f"system:serviceaccount:{namespace}:{who}" and "objectRef" in event:
            what = event["objectRef"]
            names = [what["resource"], *([what["subresource"]] if "subresource" in what else [])]
            decision = event["annotations"]["authorization.k8s.io/decision"]
            found[decision].add((event["verb"], what.get("apiGroup", ""), "/".join(names)))
    return found


def rights_of(repository, role):
    """Every right that a role of ours gives: verb, group, resource."""
    objects = yaml.safe_load_all((repository / "manifests" / "base" / f"{role}.yaml").read_text(encoding="utf-8"))
    return {
        (verb, group, resource)
        for rule in next(objects)["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def test_a_deployers_commands_use_every_right_of_its_role_and_no_other(access, repository, tmp_path):
    release = inference_service_yaml(model_name="deployed", version="0123456789abcdef", storage_uri="s3://models/v")
    kubeconfig = f"--kubeconfig={kubeconfig_of(access, NAMESPACE, 'pluszero-deployer', tmp_path)}"
    as_deployer = ("-n", NAMESPACE, kubeconfig)
    for version in ("0123456789abcdef", "fedcba9876543210"):
        newer = release.replace("0123456789abcdef", version)
        access.kubectl("apply", "--validate=ignore", *as_deployer, "-f", "-", stdin=newer)
    access.kubectl("get", "servingruntimes", "-o", "name", *as_deployer)
    access.kubectl("get", "servingruntime", "pluszero-bundle", *as_deployer)
    access.kubectl("get", "inferenceservices", *as_deployer)
    named = "--for=jsonpath={.metadata.name}=deployed"
    access.kubectl("wait", named, "--timeout=60s", *as_deployer, "inferenceservice/deployed")
    assert audited_requests(access, "pluszero-deployer")["allow"] == rights_of(repository, "deployer-role")


def test_the_launchers_own_client_uses_every_right_of_its_role_and_no_other(access, apply, repository, tmp_path):
    closed = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    user = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {"name": "node", "securityContext": closed}
    pod = toolbox_pod("train-abc-node-0-0", "echo epoch 1", securityContext=user, container=container)
    # What Trainer's controller would have made of the job.
    pod["metadata"]["labels"] = {JOB_LABEL: "train-abc", ROLE_LABEL: "node", RANK_LABEL: "0"}
    apply(pod, options=("-n", NAMESPACE))
    ended = "--for=jsonpath={.status.phase}=Succeeded"
    access.kubectl("wait", ended, "--timeout=120s", "-n", NAMESPACE, "pod/train-abc-node-0-0")
    kubeconfig = kubeconfig_of(access, NAMESPACE, RUNS_PIPELINES, tmp_path)
    answer = access.run([sys.executable, "-c", LAUNCH, NAMESPACE, str(kubeconfig)])
    assert json.loads(answer.splitlines()[-1]) == [["epoch 1"], ["running"], None]
    given = rights_of(repository, "launcher-role")
    # Trainer's client asks for its version in another namespace, and goes on without where that is refused.
    version = {("get", "", "configmaps")}
    assert audited_requests(access, RUNS_PIPELINES) == {"allow": given, "forbid": version}
