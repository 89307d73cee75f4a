"""The deploy step on a cluster: real pods of our image, by what KServe was seen to make of a release."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from components.shared.runtime.container_images import image
from tests.cluster.harness.accounts import kubeconfig_of
from tests.cluster.harness.kserve_controller import StandInController
from tests.cluster.test_access import audited_requests, rights_of

pytestmark = pytest.mark.cluster

NAMESPACE = "live"
ACCOUNT = "deploy-step"
NAME = "numbers"
POD = ("-n", NAMESPACE, "-l", f"serving.kserve.io/inferenceservice={NAME}")

PUBLISH = """
import json, sys
from components.serving.release.store import publish
for bundle in sys.argv[1:]:
    given = {"model_root": "s3://live/models", "model_name": "numbers", "files": {}}
    print(publish(bundle, inference_service=lambda version, uri: uri, **given).version)
"""

PROBLEM = {
    "deploy": {
        "namespace": NAMESPACE,
        "canary": "replay",
        "ready_within_min": 3,
        "judge": {"steps": [50], "requests_a_step": 150},
        "size": {"cpu": "100m", "cpu_limit": "2", "memory": "512Mi", "memory_limit": "2Gi"},
    }
}


def variant(model, path, shift):
    """The model with other answers: a release of its own."""
    from components.shared.contracts.bundle import file_listing, read_config, read_weights, WEIGHTS_FILE, write_bundle

    files = {name: (model / name).read_bytes() for name in file_listing(model) if name != WEIGHTS_FILE}
    weights = read_weights(model)
    weights["head.bias"] = weights["head.bias"] + np.float32(shift)
    write_bundle(path, read_config(model), weights, files=files)
    return path


def predicted(model, examples, path):
    """What the training side says that a model answers to the test rows."""
    from components.modeling.predictor import load_predictor
    from components.shared.contracts.example_table import ExampleTable
    from components.shared.contracts.predictions_table import PredictionsWriter

    features = [f"x{number}" for number in range(6)]
    rows = ExampleTable(examples).read(["example_id", "label", *features], splits=["test"])
    predictor = load_predictor(model, device="cpu")
    numbers = predictor.predict(
        predictor.prepare({name: rows.column(name).combine_chunks() for name in features})
    ).numbers_B
    with PredictionsWriter(path, class_names=(), extra_columns={}, is_regression=True) as writer:
        writer.write(
            example_ids=rows.column("example_id").to_pylist(),
            splits=["test"] * rows.num_rows,
            labels=rows.column("label").to_pylist(),
            probabilities=np.empty((rows.num_rows, 0)),
            embeddings=np.empty((rows.num_rows, 0)),
            extra={},
            numbers=numbers,
        )
    return path


@pytest.fixture(scope="module")
def live(cluster, overlay, object_store, project_images, friedman_model, friedman_table, tmp_path_factory):
    """Three releases, a namespace for them, and the stand-in for KServe's controller."""
    folder = tmp_path_factory.mktemp("live")
    models = [variant(friedman_model, folder / f"model-{shift}", shift) for shift in (0.0, 1e-3, 3.0)]
    predictions = [predicted(model, friedman_table, folder / f"predictions-{i}") for i, model in enumerate(models)]
    object_store.make_bucket("live")
    versions = object_store.run_python(PUBLISH, *map(str, models)).split()
    project_images("serving")
    cluster.kubectl("apply", "-k", overlay("dev", NAMESPACE))
    secret = object_store.secret("pluszero-object-store")
    cluster.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(secret))
    cluster.kubectl("create", "serviceaccount", ACCOUNT, "-n", NAMESPACE)
    bound = ("--role=pluszero-rollout", f"--serviceaccount={NAMESPACE}:{ACCOUNT}")
    cluster.kubectl("create", "rolebinding", "pluszero-rollout", "-n", NAMESPACE, *bound)
    problem = folder / "problem.yaml"
    problem.write_text(yaml.safe_dump(PROBLEM))
    return Live(cluster, object_store, folder, friedman_table, dict(zip(versions, predictions, strict=True)), problem)


class Live:
    """Releases by version, and how one is deployed."""

    def __init__(self, cluster, store, folder, examples, predictions, problem):
        self.cluster, self.store, self.folder, self.examples = cluster, store, folder, examples
        self.predictions, self.problem = predictions, problem
        self.kubeconfig = kubeconfig_of(cluster, NAMESPACE, ACCOUNT, folder)

    def command(self, version, run, problem=None):
        """The step's command on the node, as the account that pipelines run as."""
        variables = [f"{name}={value}" for name, value in self.store.variables_on_the_node.items()]
        return [
            *("env", *variables, sys.executable, "-m", "components.deployment", "deploy", NAME, version),
            *("--model-root", "s3://live/models", "--examples", str(self.examples)),
            *("--predictions", str(self.predictions[version]), "--problem", str(problem or self.problem)),
            *("--output", str(self.folder / run), "--run", run, "--kubeconfig", str(self.kubeconfig)),
        ]

    def deploy(self, version, run, problem=None):
        """Exit status and verdict."""
        done = subprocess.run([str(self.cluster.enter), *self.command(version, run, problem)], capture_output=True)
        assert done.returncode in (0, 1), done.stderr.decode()
        return done.returncode, json.loads((self.folder / run / "verdict.json").read_text())["reason"]

    def found(self):
        """The InferenceService."""
        return json.loads(self.cluster.kubectl("get", "inferenceservice", NAME, "-n", NAMESPACE, "-o", "json"))

    def pods(self):
        """Pods by release."""
        items = json.loads(self.cluster.kubectl("get", "pods", *POD, "-o", "json"))["items"]
        kept = [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]
        return {pod["metadata"]["labels"]["app.kubernetes.io/version"]: pod["metadata"]["uid"] for pod in kept}


@pytest.fixture(scope="module")
def controller(cluster, live, overlay):
    rendered = yaml.safe_load_all(cluster.kubectl("kustomize", overlay("dev", NAMESPACE)))
    (runtime,) = (each for each in rendered if each["kind"] == "ServingRuntime")
    runtime["spec"]["containers"][0]["image"] = image("serving")
    with StandInController(cluster, NAMESPACE, NAME, runtime) as running:
        yield running


def test_releases_go_live_and_bad_ones_are_taken_back(live, controller, repository):
    first, good, shifted = live.predictions
    assert live.deploy(first, "one") == (0, "promoted: it is ready, and answers as the training side does")

    # Ended in the middle, and run again.
    rollout = subprocess.Popen([str(live.cluster.enter), *live.command(good, "two")], stdout=subprocess.DEVNULL)
    give_up = time.monotonic() + 120
    while "canary" not in live.found()["spec"]:
        assert time.monotonic() < give_up
        time.sleep(0.2)
    live.cluster.run(["pkill", "-9", "-f", "components.deployment deploy"])
    rollout.wait()
    assert live.found()["spec"]["predictor"]["model"]["storageUri"].endswith(first)
    status, reason = live.deploy(good, "two")
    assert (status, reason[:38]) == (0, "promoted: nothing spoke against it in "), reason
    record = json.loads((live.folder / "two" / "rollout.json").read_text())
    assert (record["kind"], record["former_version"]) == ("canary", first)
    after = live.found()["spec"]
    assert "canary" not in after
    assert after["predictor"]["model"]["storageUri"].endswith(good)
    kept = live.pods()[good]

    status, reason = live.deploy(shifted, "three")
    assert (status, reason.partition(": ")[2][:13]) == (1, "predictions: "), reason
    assert live.found()["spec"] == after

    # Larger than any node.
    huge = live.folder / "huge.yaml"
    size = {"memory": "900Ti", "memory_limit": "900Ti"}
    huge.write_text(yaml.safe_dump({"deploy": {**PROBLEM["deploy"], "ready_within_min": 0.1, "size": size}}))
    status, reason = live.deploy(first, "four", huge)
    assert status == 1
    assert "no node takes its pod" in reason
    assert "Insufficient memory" in reason
    assert live.found()["spec"] == after
    assert live.pods()[good] == kept  # the same server all the time
    asked = audited_requests(live.cluster, ACCOUNT, namespace=NAMESPACE)
    # Applying what is not there takes the right to create it, under the name of a patch.
    given = rights_of(repository, "rollout-role") - {("create", "serving.kserve.io", "inferenceservices")}
    assert asked["forbid"] == set()
    # For a server that ended by itself, for pods that were refused, and where traffic is split.
    rarely = {("", "pods/log"), ("apps", "deployments"), ("gateway.networking.k8s.io", "httproutes")}
    assert given - asked["allow"] <= {("get", *what) for what in rarely}
    assert asked["allow"] <= given
