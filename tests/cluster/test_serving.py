"""The serving image as KServe runs a release: fetched from an object store, probed, confined, ended without a loss."""

import json
import sys
import time

import pytest
import yaml

from components.shared.contracts.verdict import Verdict, write_verdict
from tests.cluster.cluster import ClusterError
from tests.cluster.harness.predictor import ask, start_predictor
from tests.cluster.harness.project_images import bring_project_images

pytestmark = pytest.mark.cluster

NAMESPACE = "served"
POD = ("-n", NAMESPACE, "-l", "serving.kserve.io/inferenceservice=numbers")
ROW = {"x0": "level 3", "x1": 0.5, "x2": 0.25, "x3": None, "x4": 0.75, "x5": 0.125}

PUBLISH = """
import sys
from components.serving.jobs import Candidate, publish_model
model, evaluation, verdict, written = sys.argv[1:]
candidate = Candidate(model=model, evaluation=evaluation, verdict=verdict)
publish_model(candidate, model_name="numbers", model_root="s3://models/team", inference_service_path=written)
"""

# Asks again and again, each time by a new connection, until its input ends; says what the answers were.
ASK = """
import collections, http.client, json, select, sys
address, path, body = sys.argv[1:]
answers = collections.Counter()
while not select.select([sys.stdin], [], [], 0)[0]:
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        answers[str(response.status)] += 1
    except OSError as error:
        answers[type(error).__name__] += 1
    finally:
        connection.close()
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def release(object_store, friedman_model, tmp_path_factory):
    """A release in the object store, published from inside the cluster: its InferenceService."""
    folder = tmp_path_factory.mktemp("release")
    (folder / "evaluation.json").write_text(json.dumps({"format_version": 1, "metrics": {"r2": 0.5}}))
    write_verdict(folder / "verdict.json", Verdict(check="analysis", passed=True, reason="good"))
    object_store.make_bucket("models")
    given = (friedman_model, folder / "evaluation.json", folder / "verdict.json", folder / "service.yaml")
    object_store.run_python(PUBLISH, *map(str, given))
    return yaml.safe_load((folder / "service.yaml").read_text())


@pytest.fixture(scope="module")
def served(cluster, overlay, object_store, project_images, release):
    """The release, running in a namespace with the overlay `dev`: the address of its Service."""
    project_images("serving")
    folder = overlay("dev", NAMESPACE)
    cluster.kubectl("apply", "-k", folder)
    secret = object_store.secret("pluszero-object-store")
    cluster.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(secret))
    return start_predictor(cluster, NAMESPACE, release, folder)


def in_pod(cluster, *command):
    return cluster.kubectl("exec", "-n", NAMESPACE, "deployment/numbers-predictor", "--", *command)


def server_status(cluster):
    (pod,) = json.loads(cluster.kubectl("get", "pods", *POD, "-o", "json"))["items"]
    (status,) = pod["status"]["containerStatuses"]
    return status


def test_v1_and_v2_answer_what_the_model_answers(cluster, served, friedman_model):
    import pyarrow as pa

    from components.modeling.predictor import load_predictor

    model = load_predictor(friedman_model, device="cpu")
    types = {name: pa.string() if name == "x0" else pa.float64() for name in ROW}
    columns = {name: pa.array([ROW[name]], kind) for name, kind in types.items()}
    wanted = float(model.predict(model.prepare(columns)).numbers_B[0])
    v1 = ask(cluster, served, "/v1/models/numbers:predict", {"instances": [ROW]})
    assert v1["predictions"][0]["prediction"] == pytest.approx(wanted, rel=1e-4)
    tensors = [
        {"name": name, "datatype": "BYTES" if name == "x0" else "FP64", "shape": [1], "data": [value]}
        for name, value in ROW.items()
    ]
    v2 = ask(cluster, served, "/v2/models/numbers/infer", {"inputs": tensors})
    assert v2["outputs"][0]["data"] == [pytest.approx(wanted, rel=1e-4)]


def test_the_server_is_the_images_user_and_writes_nowhere_but_to_its_scratch(cluster, served):
    assert in_pod(cluster, "id", "-u").strip() == "10001"
    for path in ("/mnt/models/planted", "/opt/pluszero/planted"):
        with pytest.raises(ClusterError, match="Read-only file system"):
            in_pod(cluster, "touch", path)
    in_pod(cluster, "touch", "/tmp/allowed")


def test_the_server_has_no_token_of_its_account(cluster, served):
    with pytest.raises(ClusterError, match="No such file"):
        in_pod(cluster, "ls", "/var/run/secrets/kubernetes.io/serviceaccount")


def test_a_process_that_takes_more_than_the_limit_is_ended_and_the_server_answers(cluster, served):
    with pytest.raises(ClusterError, match="137"):
        in_pod(cluster, "python", "-c", "bytearray(b'x' * (5 << 30))")
    cluster.kubectl("wait", "--for=condition=Ready", "--timeout=120s", "pod", *POD)
    answer = ask(cluster, served, "/v1/models/numbers:predict", {"instances": [ROW]})
    assert len(answer["predictions"]) == 1


def test_sigterm_ends_the_server_well(cluster, served):
    restarts = server_status(cluster)["restartCount"]
    in_pod(cluster, "sh", "-c", "kill -TERM 1")
    give_up = time.monotonic() + 120
    while not ((status := server_status(cluster))["restartCount"] > restarts and status["ready"]):
        assert time.monotonic() < give_up, status
        time.sleep(1)
    assert status["lastState"]["terminated"]["exitCode"] == 0


def test_no_request_is_lost_while_one_pod_follows_another(cluster, served, background):
    body = json.dumps({"instances": [ROW]})
    asking = background([sys.executable, "-c", ASK, served, "/v1/models/numbers:predict", body])
    cluster.kubectl("rollout", "restart", "-n", NAMESPACE, "deployment/numbers-predictor")
    cluster.kubectl("rollout", "status", "--timeout=300s", "-n", NAMESPACE, "deployment/numbers-predictor")
    # The old pod takes its time to end after the new one is ready.
    give_up = time.monotonic() + 120
    while len(json.loads(cluster.kubectl("get", "pods", *POD, "-o", "json"))["items"]) > 1:
        assert time.monotonic() < give_up
        time.sleep(0.5)
    said, _ = asking.communicate(b"\n", timeout=60)
    answers = json.loads(said)
    assert answers.keys() == {"200"}, answers
    assert answers["200"] > 100


def test_images_that_nobody_has_built_are_named_with_the_remedy(cluster, monkeypatch):
    monkeypatch.setenv("PLUSZERO_IMAGE_TAG", "never-built")
    with pytest.raises(FileNotFoundError, match=r"must have .*serving:never-built: run `make images` first"):
        bring_project_images(cluster, ["serving"])
