"""The overlays render, every object is valid and keeps to the policies, and a run's release fits what they set up."""

import json
import os
import shutil
import subprocess

import kubernetes_validate
import pytest
from typer.testing import CliRunner
import yaml

from components.serving import __main__ as serving
from components.serving.release.inference_service import inference_service_yaml, RUNTIME, SERVICE_ACCOUNT
from components.shared.runtime.container_images import image
from tests.custom_resources import spec_errors
from tools.manifest_policies import violations

OVERLAYS = ("dev", "prod-gpu")
BUILT_IN = ("v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1")
KUBERNETES = "1.32"


def render(folder):
    """Objects of an overlay."""
    if shutil.which("kubectl") is None:
        if os.environ.get("CI"):
            pytest.fail(
                "manifests are rendered by kubectl 1.21 or newer, which must be there where changes are checked"
            )
        pytest.skip("manifests are rendered by kubectl, which is not installed")
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def rendered(repository):
    return {name: render(repository / "manifests" / "overlays" / name) for name in OVERLAYS}


@pytest.fixture(scope="module")
def service():
    text = inference_service_yaml(model_name="cats-dogs", version="0123456789abcdef", storage_uri="s3://models/v")
    return yaml.safe_load(text)


def one(objects, kind, name):
    (found,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_renders_what_it_promises(rendered, overlay):
    kinds = [found["kind"] for found in rendered[overlay]]
    promised = {"Namespace", "ServiceAccount", "Role", "RoleBinding", "NetworkPolicy", "ServingRuntime"}
    assert promised <= set(kinds)
    assert ("LocalQueue" in kinds) == (overlay == "prod-gpu")
    # A claim that is there cannot be changed, so that production's is not in what is applied again and again.
    assert ("PersistentVolumeClaim" in kinds) == (overlay == "dev")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_of_a_built_in_kind_keeps_its_schema(rendered, overlay):
    checked = [found for found in rendered[overlay] if found["apiVersion"] in BUILT_IN]
    for found in checked:
        kubernetes_validate.validate(found, KUBERNETES, strict=True)
    assert len(checked) == (8 if overlay == "dev" else 7)


def test_productions_workspace_is_one_claim_that_many_nodes_mount(repository):
    (claim,) = render(repository / "manifests" / "overlays" / "prod-gpu" / "workspace")
    kubernetes_validate.validate(claim, KUBERNETES, strict=True)
    assert violations([claim]) == []
    assert (claim["metadata"]["namespace"], claim["metadata"]["name"]) == ("pluszero", "pluszero-workspace")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_the_schema_check_finds_an_unknown_field(rendered):
    claim = one(rendered["dev"], "PersistentVolumeClaim", "pluszero-workspace")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**claim, "spec": {**claim["spec"], "accessMode": "x"}}, KUBERNETES, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_of_a_custom_kind_keeps_its_schema(rendered, overlay):
    custom = [found for found in rendered[overlay] if found["apiVersion"] not in BUILT_IN]
    for found in custom:
        assert spec_errors(found) == [], found["kind"]
        assert spec_errors({**found, "spec": {**found["spec"], "unknown": 1}}) != []
    assert {found["kind"] for found in custom} >= {"ServingRuntime"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_keeps_to_the_policies(rendered, overlay):
    assert violations(rendered[overlay]) == []


def test_a_release_keeps_to_the_policies(service):
    assert violations([service]) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_lies_in_the_overlays_namespace(rendered, overlay):
    (namespace,) = [found["metadata"]["name"] for found in rendered[overlay] if found["kind"] == "Namespace"]
    others = [found for found in rendered[overlay] if found["kind"] != "Namespace"]
    assert {found["metadata"]["namespace"] for found in others} == {namespace}


def test_the_base_is_usable_in_a_namespace_that_is_there(repository, tmp_path):
    shutil.copytree(repository / "manifests" / "base", tmp_path / "base")
    overlay = {"namespace": "alice", "resources": ["../base"]}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kustomization.yaml").write_text(json.dumps(overlay), encoding="utf-8")
    objects = render(tmp_path / "mine")
    assert {found["metadata"]["namespace"] for found in objects} == {"alice"}
    assert "Namespace" not in {found["kind"] for found in objects}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_release_finds_its_runtime_account_and_network_policy(rendered, overlay, service):
    objects = rendered[overlay]
    predictor = service["spec"]["predictor"]
    runtime = one(objects, "ServingRuntime", RUNTIME)["spec"]
    assert predictor["model"]["runtime"] == RUNTIME
    assert predictor["model"]["modelFormat"]["name"] in {each["name"] for each in runtime["supportedModelFormats"]}
    assert predictor["model"]["protocolVersion"] in runtime["protocolVersions"]
    assert one(objects, "ServiceAccount", predictor["serviceAccountName"])["secrets"]
    assert predictor["serviceAccountName"] == SERVICE_ACCOUNT
    # KServe hands the runtime's labels on to the pods, then the service's, and adds its own.
    labels = {**runtime["labels"], **service["metadata"]["labels"]}
    selector = one(objects, "NetworkPolicy", "pluszero-predictor")["spec"]["podSelector"]
    assert selector["matchLabels"].items() <= labels.items()
    user = predictor["securityContext"]["runAsUser"]
    assert runtime["containers"][0]["securityContext"]["runAsUser"] == user


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_runtime_starts_the_real_server(rendered, overlay):
    (container,) = one(rendered[overlay], "ServingRuntime", RUNTIME)["spec"]["containers"]
    assert container["name"] == "kserve-container"
    assert container["command"] == ["python", "-m", "components.serving"]
    arguments = [argument.replace("{{.Name}}", "cats-dogs") for argument in container["args"]]
    # The real command line takes them all, and only then misses the model.
    free = [argument for argument in arguments if not argument.startswith(("--http-port", "--grpc-port", "--device"))]
    result = CliRunner().invoke(serving.app, [*free, "--http-port=0"])
    assert "http_port must be 1 to 65535, got 0" in str(result.exception)
    assert {"--http-port=8080", "--grpc-port=8081"} <= set(arguments)
    assert [port["containerPort"] for port in container["ports"]] == [8080, 8081]
    assert ("--device=cuda" in arguments) == (overlay == "prod-gpu")


def test_a_gpu_replica_is_placed_on_an_nvidia_node(rendered):
    runtime = one(rendered["prod-gpu"], "ServingRuntime", RUNTIME)["spec"]
    (container,) = runtime["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == container["resources"]["requests"]["nvidia.com/gpu"]
    assert runtime["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert runtime["tolerations"][0]["key"] == "nvidia.com/gpu"
    volumes = {volume["name"]: volume for volume in runtime["volumes"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert volumes[mounts["/dev/shm"]]["emptyDir"]["medium"] == "Memory"
    assert mounts["/tmp"] in volumes


def test_the_dev_overlay_asks_for_no_gpu(rendered):
    assert "nvidia" not in yaml.safe_dump_all(rendered["dev"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_runtimes_image_is_the_projects(rendered, overlay, monkeypatch):
    monkeypatch.setenv("PLUSZERO_IMAGE_TAG", "v0.1.0")
    (container,) = one(rendered[overlay], "ServingRuntime", RUNTIME)["spec"]["containers"]
    assert container["image"] == image("serving")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_deployer_may_apply_a_release_and_not_delete_one(rendered, overlay):
    rules = one(rendered[overlay], "Role", "pluszero-deployer")["rules"]
    verbs = {verb for rule in rules for verb in rule["verbs"] if "inferenceservices" in rule["resources"]}
    assert {"get", "create", "patch"} <= verbs
    assert "delete" not in verbs
    (subject,) = one(rendered[overlay], "RoleBinding", "pluszero-deployer")["subjects"]
    assert one(rendered[overlay], "ServiceAccount", subject["name"])["metadata"]["namespace"] == subject["namespace"]
