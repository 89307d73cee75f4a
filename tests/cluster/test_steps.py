"""Every step of the compiled training pipelines as a pod: admitted where pods are restricted, and run, on two cores."""

import base64
import json
import os

import numpy as np
import pytest
import yaml

from components.modeling.images.decoding import encode_png
from pipelines.compiling import compile_pipeline
from tests.cluster.cluster import ClusterError
from tests.cluster.harness.compiled_pipeline import CompiledPipeline, StepError, Values
from tests.cluster.harness.pipeline_run import executor_input, PipelineRun
from tests.cluster.harness.predictor import ask, start_predictor
from tests.cluster.harness.step_pod import ARTIFACTS_CLAIM, step_pod

pytestmark = pytest.mark.cluster

NAMESPACE = "runs"
ACCOUNT = "pipeline-runner"
# The node that a run of the embedded data must fit on: steps run one after the other here.
QUOTA = {"requests.cpu": "2", "requests.memory": "4Gi"}
SIZES = {"cpu": "500m", "cpu_limit": "16", "memory": "1Gi", "memory_limit": "64Gi"}
PROFILES = ("training-cpu", "training-gpu", "training-nodes")


def claim(name, namespace, folder):
    """A claim and the folder behind it, which belongs to the user of the steps."""
    folder.mkdir(parents=True)
    os.chown(folder, 10001, 10001)
    size, access = {"storage": "10Gi"}, ["ReadWriteOnce"]
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{namespace}-{name}"},
        "spec": {
            "accessModes": access,
            "capacity": size,
            "claimRef": {"namespace": namespace, "name": name},
            "hostPath": {"path": str(folder), "type": "Directory"},
            "persistentVolumeReclaimPolicy": "Retain",
        },
    }
    wanted = {"accessModes": access, "resources": {"requests": size}, "storageClassName": ""}
    return volume, {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": wanted,
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return {"artifacts": folder / "artifacts", "workspace": folder / "workspace"}


@pytest.fixture(scope="module")
def namespace(cluster, overlay, folders, object_store):
    """A namespace as the overlay `dev` sets it up, with restricted pods, a quota, claims and the store's secret."""
    objects = [
        *claim("pluszero-workspace", NAMESPACE, folders["workspace"])[:1],
        *claim(ARTIFACTS_CLAIM, NAMESPACE, folders["artifacts"]),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "small-node", "namespace": NAMESPACE},
            "spec": {"hard": QUOTA},
        },
    ]
    secret = object_store.secret("pluszero-object-store")
    secret["metadata"]["namespace"] = NAMESPACE
    cluster.kubectl("apply", "-k", overlay("dev", NAMESPACE))
    cluster.kubectl("apply", "-f", "-", stdin="\n---\n".join(json.dumps(each) for each in [*objects, secret]))
    for name in ("pluszero-workspace", ARTIFACTS_CLAIM):
        bound = "--for=jsonpath={.status.phase}=Bound"
        cluster.kubectl("wait", bound, "--timeout=120s", "-n", NAMESPACE, f"pvc/{name}")
    return NAMESPACE


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    return {name: CompiledPipeline(compile_pipeline(name, folder)) for name in PROFILES}


def planted_outputs(step):
    """What a step would say, without running it: the sizes that a problem file has by default, else any text."""
    outputs = step.component.get("outputDefinitions", {})
    parameters = dict.fromkeys(outputs.get("parameters", {}), "text")
    for name in parameters:
        kind, _, what = name.partition("_")
        if kind in ("data", "training") and what in SIZES:
            parameters[name] = SIZES[what]
    parameters |= {name: value for name, value in {"gpus": "1", "secret": "any"}.items() if name in parameters}
    artifacts = {
        name: {"name": name, "type": each["artifactType"], "uri": f"minio://mlpipeline/{name}", "metadata": {}}
        for name, each in outputs.get("artifacts", {}).items()
    }
    return Values(parameters=parameters, artifacts=artifacts)


def step_pods(pipeline):
    """The pod of every step, by the step's name."""
    pods = {}

    def note(step):
        told = executor_input(step, "step")
        pod = step_pod(step, name="step", account=ACCOUNT, executor_input=told, run_id="7d0c")
        pods[step.name] = pod
        return planted_outputs(step)

    pipeline.run({"model_data": "digits", "model_root": "s3://models"}, note)
    return pods


@pytest.mark.parametrize("profile", PROFILES)
def test_every_step_is_admitted_where_pods_are_restricted_and_counted(apply, namespace, compiled, profile):
    pods = step_pods(compiled[profile])
    assert len(pods) >= len(compiled[profile].executors)
    for pod in pods.values():
        assert "created" in apply(pod, options=("-n", namespace, "--dry-run=server"))


def test_the_profile_cpu_asks_for_no_more_than_a_small_node_has(compiled):
    for name, pod in step_pods(compiled["training-cpu"]).items():
        (container,) = pod["spec"]["containers"]
        assert container["resources"]["requests"]["cpu"] in ("100m", "500m"), name
        assert container["resources"]["requests"]["memory"] in ("512Mi", "1Gi"), name
        assert "nvidia.com/gpu" not in container["resources"]["limits"], name


@pytest.mark.parametrize("profile", ["training-gpu", "training-nodes"])
def test_steps_that_hold_a_gpu_go_to_nodes_that_have_one(compiled, profile):
    pods = step_pods(compiled[profile])
    holding = {
        name: pod["spec"]
        for name, pod in pods.items()
        if "nvidia.com/gpu" in pod["spec"]["containers"][0]["resources"]["limits"]
    }
    assert holding
    for name, pod in pods.items():
        assert ("nodeSelector" in pod["spec"]) == (name in holding), name
        assert ("tolerations" in pod["spec"]) == (name in holding), name


def test_a_step_that_asks_for_more_than_the_quota_is_refused(apply, namespace, compiled):
    pod = next(iter(step_pods(compiled["training-cpu"]).values()))
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "4", "memory": "1Gi"}}
    with pytest.raises(ClusterError, match=r"exceeded quota: small-node, requested: requests\.cpu=4"):
        apply(pod, options=("-n", namespace, "--dry-run=server"))


@pytest.fixture(scope="module")
def run(cluster, namespace, folders, project_images):
    """A run of the training pipeline in pods; a step that is given the same again does not run again."""
    project_images("training", "validation", "serving")
    return PipelineRun(cluster=cluster, namespace=namespace, account=ACCOUNT, artifacts=folders["artifacts"])


def smoke_run(run, pipeline, model_root):
    """Outputs of the steps of a smoke run of the embedded data, by the steps' last names."""
    arguments = {"model_data": "digits", "model_name": "digits", "recipe": "smoke", "model_root": model_root}
    return {name.rpartition(".")[2]: values for name, values in run.run(pipeline, arguments).items()}


def inference_service(run, outputs):
    """The InferenceService that the run has written, from the artifact of that name."""
    (artifact,) = [
        each for values in outputs.values() for name, each in values.artifacts.items() if name == "inference_service"
    ]
    return yaml.safe_load(run.folder_of(artifact).read_text(encoding="utf-8"))


def test_a_run_publishes_to_an_object_store(run, compiled, object_store):
    object_store.make_bucket("releases")
    outputs = smoke_run(run, compiled["training-cpu"], "s3://releases/team")
    uri = inference_service(run, outputs)["spec"]["predictor"]["model"]["storageUri"]
    assert uri.startswith("s3://releases/team/digits-smoke/")
    listed = object_store.run_python("import s3fs, sys; print(s3fs.S3FileSystem().ls(sys.argv[1]))", uri)
    for name in ("config.json", "weights.safetensors", "inferenceservice.yaml"):
        assert name in listed
    assert all(taken < 600 for taken in run.taken_s.values()), run.taken_s


def test_a_run_publishes_to_the_workspace(run, compiled, folders):
    outputs = smoke_run(run, compiled["training-cpu"], "pvc://pluszero-workspace/models")
    uri = inference_service(run, outputs)["spec"]["predictor"]["model"]["storageUri"]
    assert uri.startswith("pvc://pluszero-workspace/models/digits-smoke/")
    release = folders["workspace"] / uri.removeprefix("pvc://pluszero-workspace/")
    assert (release / "weights.safetensors").is_file()
    assert yaml.safe_load((release / "inferenceservice.yaml").read_text()) == inference_service(run, outputs)


def test_the_run_leaves_its_page_and_what_each_step_made(run, compiled, folders):
    """A step that an earlier run's outputs stand for has left nothing in this one; its gate has."""
    before = set((folders["workspace"] / "runs").iterdir())
    outputs = smoke_run(run, compiled["training-cpu"], "pvc://pluszero-workspace/models")
    (folder,) = set((folders["workspace"] / "runs").iterdir()) - before
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert (summary["passed"], summary["error"]) == (True, "")
    assert len(summary["gates"]) == 9
    states = {step["name"]: step["cached"] for step in summary["steps"]}
    assert states["train model"]
    assert states["evaluate model"]
    assert not states["check inputs"]
    assert summary["identity"]["model_data"] == "digits"
    page = run.folder_of(outputs["write-run-page"].artifacts["run_page"]).read_text(encoding="utf-8")
    assert page == (folder / "report.html").read_text(encoding="utf-8")


def test_the_release_on_the_workspace_is_served_from_its_claim(cluster, run, compiled, overlay):
    outputs = smoke_run(run, compiled["training-cpu"], "pvc://pluszero-workspace/models")
    address = start_predictor(cluster, NAMESPACE, inference_service(run, outputs), overlay("dev", NAMESPACE))
    photo = base64.b64encode(encode_png(np.zeros((28, 28, 3), np.uint8))).decode()
    answer = ask(cluster, address, "/v1/models/digits-smoke:predict", {"instances": [{"b64": photo}]})
    (prediction,) = answer["predictions"]
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-4)


def test_a_place_that_nobody_can_write_is_refused_by_the_first_step(run, compiled):
    with pytest.raises(StepError, match=r"(?s)the step \S*check-inputs must succeed.*no-such-bucket"):
        smoke_run(run, compiled["training-cpu"], "s3://no-such-bucket/team")
