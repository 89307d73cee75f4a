"""The overlays render, every object is valid and keeps to the policies, and a run's release fits what they set up."""

import json
import os
import re
import shlex
import shutil
import subprocess

import kubernetes_validate
import pytest
from typer.testing import CliRunner
import yaml

from components.serving import __main__ as serving
from components.shared.contracts.inference_service import CPU_RUNTIME, inference_service_yaml, RUNTIME, SERVICE_ACCOUNT
from components.shared.runtime.container_images import image
from tests.custom_resources import spec_errors
from tools.manifest_policies import violations

# Each overlay, the namespace that it is for, and the account that pipelines run as there.
PLACES = {
    "dev": ("pluszero", None),
    "prod-gpu": ("pluszero", None),
    "profile": ("your-profile", "default-editor"),
    "profile-gpu": ("your-profile", "default-editor"),
    "standalone": ("kubeflow", "pipeline-runner"),
    "standalone-gpu": ("kubeflow", "pipeline-runner"),
}
OVERLAYS = tuple(PLACES)
KUBEFLOWS = tuple(name for name, (_, account) in PLACES.items() if account)
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
    promised = {"ServiceAccount", "Role", "RoleBinding", "NetworkPolicy", "ServingRuntime"}
    assert promised <= set(kinds)
    # Kubeflow's own namespaces, and their pod security, are not ours to write.
    assert ("Namespace" in kinds) == (overlay not in KUBEFLOWS)
    assert ("LocalQueue" in kinds) == overlay.endswith("-gpu")
    # A claim that is there cannot be changed, so that production's is not in what is applied again and again.
    assert ("PersistentVolumeClaim" in kinds) != overlay.endswith("-gpu")


def test_the_overlays_are_those_that_are_tested(repository):
    assert {folder.name for folder in (repository / "manifests" / "overlays").iterdir()} == set(OVERLAYS)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_of_a_built_in_kind_keeps_its_schema(rendered, overlay):
    checked = [found for found in rendered[overlay] if found["apiVersion"] in BUILT_IN]
    for found in checked:
        kubernetes_validate.validate(found, KUBERNETES, strict=True)
    # One more binding where Kubeflow's own account is known.
    assert len(checked) == 9 - overlay.endswith("-gpu") + (overlay in KUBEFLOWS)


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
    namespace, _ = PLACES[overlay]
    for found in rendered[overlay]:
        assert found["metadata"]["name" if found["kind"] == "Namespace" else "namespace"] == namespace


@pytest.mark.parametrize("role", ["pluszero-launcher", "pluszero-rollout"])
@pytest.mark.parametrize("overlay", KUBEFLOWS)
def test_whoever_pipelines_run_as_may_launch_a_training_and_bring_a_release_live(rendered, overlay, role):
    namespace, account = PLACES[overlay]
    binding = one(rendered[overlay], "RoleBinding", role)
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": namespace}]
    assert one(rendered[overlay], binding["roleRef"]["kind"], binding["roleRef"]["name"])["rules"]


@pytest.mark.parametrize("overlay", ["profile", "profile-gpu"])
def test_a_profiles_name_is_put_in_by_the_documented_command(repository, overlay):
    readme = (repository / "manifests" / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"kubectl kustomize manifests/overlays/profile \| (sed '[^']+')", readme)
    text = yaml.safe_dump_all(render(repository / "manifests" / "overlays" / overlay), explicit_start=True)
    named = subprocess.run(shlex.split(command), input=text, capture_output=True, text=True, check=True).stdout
    assert "your-profile" not in named
    objects = list(yaml.safe_load_all(named))
    assert {found["metadata"]["namespace"] for found in objects} == {"alice"}
    assert one(objects, "RoleBinding", "pluszero-launcher")["subjects"][0]["namespace"] == "alice"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_predictors_of_a_profile_have_no_sidecar(rendered, overlay):
    labels = one(rendered[overlay], "ServingRuntime", RUNTIME)["spec"]["labels"]
    assert labels.get("sidecar.istio.io/inject") == ("false" if "profile" in overlay else None)


def test_kserves_agent_is_let_in(rendered):
    (rule,) = one(rendered["dev"], "NetworkPolicy", "pluszero-predictor")["spec"]["ingress"]
    assert {port["port"] for port in rule["ports"]} == {8080, 8081, 9081}


def test_the_base_is_usable_in_a_namespace_that_is_there(repository, tmp_path):
    shutil.copytree(repository / "manifests" / "base", tmp_path / "base")
    overlay = {"namespace": "alice", "resources": ["../base"]}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kustomization.yaml").write_text(json.dumps(overlay), encoding="utf-8")
    objects = render(tmp_path / "mine")
    assert {found["metadata"]["namespace"] for found in objects} == {"alice"}
    assert "Namespace" not in {found["kind"] for found in objects}


@pytest.fixture(scope="module")
def with_collector(repository, tmp_path_factory):
    folder = tmp_path_factory.mktemp("collector")
    shutil.copytree(repository / "manifests", folder / "manifests")
    overlay = {"resources": ["../manifests/overlays/dev"], "components": ["../manifests/components/collector"]}
    overlay |= {
        "namespace": "pluszero",
        "images": [{"name": "localhost/pluszero-mlops-serving", "newTag": "v0.1.0"}],
    }
    (folder / "mine").mkdir()
    (folder / "mine" / "kustomization.yaml").write_text(json.dumps(overlay), encoding="utf-8")
    return render(folder / "mine")


def test_a_collector_keeps_schema_and_policies(with_collector):
    assert violations(with_collector) == []
    for found in with_collector:
        if found["apiVersion"] in (*BUILT_IN, "apps/v1"):
            kubernetes_validate.validate(found, KUBERNETES, strict=True)


def test_predictors_reach_the_collector_and_nobody_else_does(with_collector):
    deployment = one(with_collector, "Deployment", "pluszero-collector")["spec"]
    labels, (container,) = deployment["template"]["metadata"]["labels"], deployment["template"]["spec"]["containers"]
    port = container["ports"][0]["containerPort"]
    service = one(with_collector, "Service", "pluszero-collector")["spec"]
    assert service["selector"].items() <= labels.items()
    assert service["ports"][0]["targetPort"] == port
    leaving = one(with_collector, "NetworkPolicy", "pluszero-predictor")["spec"]["egress"][-1]
    assert leaving["to"][0]["podSelector"]["matchLabels"].items() <= labels.items()
    policy = one(with_collector, "NetworkPolicy", "pluszero-collector")["spec"]
    (arriving,) = policy["ingress"]
    assert [rule["port"] for rule in (*leaving["ports"], *arriving["ports"])] == [port, port]
    assert all("podSelector" in peer or "namespaceSelector" in peer for peer in arriving["from"])
    assert policy.get("egress") == []


def test_the_collector_starts_the_real_command(with_collector):
    (container,) = one(with_collector, "Deployment", "pluszero-collector")["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["python", "-m", "components.serving", "collect"]
    told = CliRunner().invoke(serving.app, ["collect", "--help"], env={"COLUMNS": "200"})
    assert all(argument.partition("=")[0] in told.output for argument in container["args"])
    folders = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert "--log-dir=/serving-log" in container["args"]
    assert "/serving-log" in folders


def test_the_logger_that_the_readme_writes_keeps_kserves_schema_and_hands_on_an_annotation_of_releases(
    repository, service
):
    text = (repository / "manifests" / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^    spec:\n      predictor:\n(?: {8}.*\n)+", text, re.MULTILINE)
    logger = yaml.safe_load(block)["spec"]["predictor"]["logger"]
    logged = {**service, "spec": {"predictor": {**service["spec"]["predictor"], "logger": logger}}}
    assert spec_errors(logged) == []
    assert set(logger["metadataAnnotations"]) <= set(service["metadata"]["annotations"])


def test_the_runtime_without_torch_is_the_other_one_but_for_image_and_size(repository, tmp_path):
    shutil.copytree(repository / "manifests", tmp_path / "manifests")
    overlay = {"resources": ["../manifests/overlays/dev"], "components": ["../manifests/components/serving-cpu"]}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kustomization.yaml").write_text(json.dumps(overlay | {"namespace": "pluszero"}))

    objects = render(tmp_path / "mine")

    assert violations(objects) == []
    usual, small = (one(objects, "ServingRuntime", name)["spec"] for name in (RUNTIME, CPU_RUNTIME))
    (one_container,), (other,) = usual["containers"], small["containers"]
    assert other["image"] == "localhost/pluszero-mlops-serving-cpu:v0.1.0"
    assert [name for name in other["args"] if name not in one_container["args"]] == ["--device=cpu"]
    assert [each["autoSelect"] for each in small["supportedModelFormats"]] == [False]
    for spec, container in ((usual, one_container), (small, other)):
        for key in ("image", "args", "resources"):
            del container[key]
        del spec["supportedModelFormats"]
        spec["labels"].pop("sidecar.istio.io/inject", None)
    assert small == usual


def test_an_overlay_kept_elsewhere_renders_as_the_readme_writes_it(repository, tmp_path):
    readme = (repository / "manifests" / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"    # kustomization\.yaml\n((?:    .*\n)+)", readme)
    shutil.copytree(repository / "manifests", tmp_path / "pluszero-mlops" / "manifests")
    (tmp_path / "kustomization.yaml").write_text(block, encoding="utf-8")
    objects = render(tmp_path)
    assert violations(objects) == []
    assert {found["metadata"]["namespace"] for found in objects} == {"alice"}
    runtime = one(objects, "ServingRuntime", RUNTIME)["spec"]
    assert runtime["labels"]["sidecar.istio.io/inject"] == "false"
    assert runtime["containers"][0]["image"] == "registry.example/team/pluszero-mlops-serving:v0.1.0"


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
    assert ("--device=cuda" in arguments) == overlay.endswith("-gpu")


@pytest.mark.parametrize("overlay", ["prod-gpu", "profile-gpu", "standalone-gpu"])
def test_a_gpu_replica_is_placed_on_an_nvidia_node(rendered, overlay):
    runtime = one(rendered[overlay], "ServingRuntime", RUNTIME)["spec"]
    (container,) = runtime["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == container["resources"]["requests"]["nvidia.com/gpu"]
    assert runtime["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert runtime["tolerations"][0]["key"] == "nvidia.com/gpu"
    volumes = {volume["name"]: volume for volume in runtime["volumes"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert volumes[mounts["/dev/shm"]]["emptyDir"]["medium"] == "Memory"
    assert mounts["/tmp"] in volumes


@pytest.mark.parametrize("overlay", ["dev", "profile", "standalone"])
def test_an_overlay_without_gpu_asks_for_none(rendered, overlay):
    assert "nvidia" not in yaml.safe_dump_all(rendered[overlay])


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


def test_what_the_documentation_gives_to_a_cluster_keeps_schema_and_policies(repository):
    text = (repository / "docs" / "cluster.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(apiVersion.*?)```", text, re.DOTALL)]
    assert [found["kind"] for found in blocks] == ["Job", "LimitRange"]
    blocks[0]["spec"]["template"]["spec"]["containers"][0]["image"] = image("training")
    for found in blocks:
        kubernetes_validate.validate(found, KUBERNETES, strict=True)
    assert violations(blocks) == []
