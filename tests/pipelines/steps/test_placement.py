"""Where steps run, as whom, with what and for how long: read back from the compiled YAML, as a cluster reads it."""

import re

import pytest
import yaml

from components.shared.contracts.cluster_spec import OBJECT_STORE_SECRET
from components.shared.runtime.container_images import image
from components.shared.runtime.gpu_placement import QUEUE, WORKSPACE_CLAIM, WORKSPACE_PATH
from pipelines.compiling import compile_pipelines

ON_GPU = {"smoke-test", "train-model", "evaluate-model"}
WITH_WORKSPACE = {"check-inputs", "ingest-examples", "build-feature-store", "smoke-test", "publish-model"}
WITH_SECRET = {"ingest-examples", "publish-model"}
RETRIED = {"ingest-examples", "publish-model"}
PROFILES = ("training-gpu", "training-cpu", "training-nodes")
SEARCHES = ("augmentation-search-gpu", "augmentation-search-cpu")
COMPILED = (*PROFILES, *SEARCHES, "monitoring")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    return {
        path.stem: list(yaml.load_all(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        for path in compile_pipelines(folder)
    }


def executors(documents):
    """What the specification and the platform say of each step, by the step's name."""
    containers = {name: found["container"] for name, found in documents[0]["deploymentSpec"]["executors"].items()}
    placed = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): (containers[name], placed[name]) for name in containers}


def training_step(profile):
    """The step that trains."""
    return "train-on-nodes" if profile == "training-nodes" else "train-model"


def mounts(placed):
    return {mount["mountPath"]: mount for mount in placed.get("emptyDirMounts", [])}


def tasks(documents):
    return documents[0]["root"]["dag"]["tasks"]


def arguments(task):
    return task["inputs"].get("parameters", {})


def test_the_gpu_profile_places_model_steps_on_nvidia_nodes_and_no_others(compiled):
    for name, (container, placed) in executors(compiled["training-gpu"]).items():
        accelerator = container["resources"].get("accelerator")
        if name not in ON_GPU:
            assert accelerator is None
            assert not {"nodeSelector", "tolerations", "podMetadata"} & placed.keys()
            continue
        assert accelerator["resourceType"] == "nvidia.com/gpu"
        assert placed["nodeSelector"]["labels"] == {"nvidia.com/gpu.present": "true"}
        assert placed["tolerations"] == [{"effect": "NoSchedule", "key": "nvidia.com/gpu", "operator": "Exists"}]
        assert placed["podMetadata"]["labels"] == {"kueue.x-k8s.io/queue-name": QUEUE}
        assert mounts(placed)["/dev/shm"]["medium"] == "Memory"
        assert mounts(placed)["/dev/shm"]["sizeLimit"] == "8Gi"


def test_the_step_that_launches_nodes_holds_no_gpu_and_names_image_and_claim(compiled):
    container, placed = executors(compiled["training-nodes"])["train-on-nodes"]
    assert "accelerator" not in container["resources"]
    assert "nodeSelector" not in placed
    given = arguments(tasks(compiled["training-nodes"])["train-on-nodes"])
    assert given["node_image"]["runtimeValue"]["constant"] == image("training")
    assert given["workspace_claim"] == {"componentInputParameter": "workspace_claim"}


@pytest.mark.parametrize("name", ["training-cpu", "augmentation-search-cpu", "monitoring"])
def test_what_computes_on_a_cpu_asks_for_no_gpu(compiled, name):
    assert "nvidia" not in yaml.safe_dump_all(compiled[name])


def test_a_trial_of_the_search_is_placed_as_a_training_is(compiled):
    steps = executors(compiled["augmentation-search-gpu"])
    (container, placed), (trained_container, trained) = steps["try-augmentation-policy"], steps["train-model"]
    assert container["resources"]["accelerator"]["resourceCount"] == "1"
    assert container["resources"].keys() == trained_container["resources"].keys()
    for name in ("nodeSelector", "tolerations", "podMetadata", "emptyDirMounts", "securityContext"):
        assert placed[name] == trained[name]
    (mount,) = placed["pvcMount"]
    assert mount["mountPath"] == WORKSPACE_PATH
    assert mount["pvcNameParameter"] == {"componentInputParameter": "pipelinechannel--workspace_claim"}


@pytest.mark.parametrize("profile", COMPILED)
def test_every_step_has_limits_scratch_space_a_timeout_and_a_user(compiled, profile):
    for name, (container, placed) in executors(compiled[profile]).items():
        resources = container["resources"]
        for said in ("CpuRequest", "CpuLimit", "MemoryRequest", "MemoryLimit"):
            assert resources[f"resource{said}"], name
        # The step that launches nodes waits for its place in the queue too; a node may need half an hour for an image.
        days = 14 if name == "train-on-nodes" else 7
        assert 1800 < int(placed["activeDeadlineSeconds"]) <= days * 24 * 3600 + 1800, name
        assert re.fullmatch(r"\d+Gi", mounts(placed)["/tmp"]["sizeLimit"]), name
        user = placed["securityContext"]
        assert user == {"runAsGroup": "10001", "runAsNonRoot": True, "runAsUser": "10001"}, name


@pytest.mark.parametrize("profile", COMPILED)
def test_what_steps_ask_for_is_small_or_the_problem_files(compiled, profile):
    """A node of 2 cores and 4 GiB has place for each step, unless the problem file's `cluster:` section says more."""
    said = r"\{\{\$\.inputs\.parameters\['pipelinechannel--check-[a-z0-9-]+-(data|training)_%s'\]\}\}"
    for name, (container, _) in executors(compiled[profile]).items():
        resources = container["resources"]
        for what, most in (("Cpu", r"\d{3}m"), ("Memory", "512Mi|1Gi")):
            asked = resources[f"resource{what}Request"]
            assert re.fullmatch(rf"{most}|{said % what.lower()}", asked), (name, asked)


@pytest.mark.parametrize("profile", ["training-gpu", "augmentation-search-gpu"])
def test_the_step_that_trains_asks_for_as_many_gpus_as_the_problem_file_says(compiled, profile):
    steps = executors(compiled[profile])
    count = steps["train-model"][0]["resources"]["accelerator"]["resourceCount"]
    assert re.fullmatch(r"\{\{\$\.inputs\.parameters\['pipelinechannel--check-[a-z0-9-]+-gpus'\]\}\}", count)
    assert steps["smoke-test"][0]["resources"]["accelerator"]["resourceCount"] == "1"


@pytest.mark.parametrize("profile", COMPILED)
def test_no_image_is_latest(compiled, profile):
    known = {image(name) for name in ("validation", "training", "serving")}
    assert {container["image"] for container, _ in executors(compiled[profile]).values()} <= known


@pytest.mark.parametrize("profile", PROFILES)
def test_steps_that_share_files_mount_the_workspace_that_the_form_names(compiled, profile):
    mounting = {
        name: placed["pvcMount"] for name, (_, placed) in executors(compiled[profile]).items() if "pvcMount" in placed
    }
    assert set(mounting) == {*WITH_WORKSPACE, training_step(profile)}
    for (mount,) in mounting.values():
        assert mount["mountPath"] == WORKSPACE_PATH
        assert mount["pvcNameParameter"] == {"componentInputParameter": "workspace_claim"}
    form = compiled[profile][0]["root"]["inputDefinitions"]["parameters"]
    assert form["workspace_claim"]["defaultValue"] == WORKSPACE_CLAIM
    for name in ("checkpoint_dir", "feature_dir"):
        assert form[name]["defaultValue"].startswith(f"{WORKSPACE_PATH}/")


def secrets(placed):
    """Name of the secret that each variable of a step comes from, all of them optional."""
    found = placed.get("secretAsEnv", [])
    assert all(secret["optional"] for secret in found)
    return {key["envVar"]: secret["secretNameParameter"] for secret in found for key in secret["keyToEnv"]}


@pytest.mark.parametrize("profile", PROFILES)
def test_steps_that_read_or_write_outside_reach_it_by_the_secret_that_the_problem_file_names(compiled, profile):
    reached = {
        name: found["AWS_ENDPOINT_URL"]
        for name, (_, placed) in executors(compiled[profile]).items()
        if "AWS_ENDPOINT_URL" in (found := secrets(placed))
    }
    assert reached.pop("check-inputs") == {"runtimeValue": {"constant": OBJECT_STORE_SECRET}}
    assert set(reached) == {*WITH_SECRET, training_step(profile)}
    for named in reached.values():
        assert named == {"taskOutputParameter": {"producerTask": "check-inputs", "outputParameterKey": "secret"}}


def test_monitoring_reaches_workspace_and_store(compiled):
    steps = executors(compiled["monitoring"])
    for name in ("check-monitoring-inputs", "detect-drift"):
        placed = steps[name][1]
        assert secrets(placed)["AWS_ACCESS_KEY_ID"] == {"runtimeValue": {"constant": OBJECT_STORE_SECRET}}
        (mount,) = placed["pvcMount"]
        assert mount["pvcNameParameter"] == {"componentInputParameter": "workspace_claim"}
    assert secrets(steps["detect-drift"][1])["PLUSZERO_PII_KEY"] == {"runtimeValue": {"constant": "pluszero-pii-key"}}


@pytest.mark.parametrize("profile", COMPILED)
def test_what_looks_outside_is_never_answered_by_the_cache(compiled, profile):
    graphs = [compiled[profile][0]["root"], *compiled[profile][0]["components"].values()]
    found = [
        (name, task.get("cachingOptions", {"enableCache": True}))
        for graph in graphs
        for name, task in graph.get("dag", {}).get("tasks", {}).items()
    ]
    uncached = {name for name, options in found if not options.get("enableCache")}
    looking = {"check-monitoring-inputs", "detect-drift"} if profile == "monitoring" else {"check-inputs"}
    assert looking <= uncached
    assert "train-model" not in uncached


def test_the_store_secret_is_the_one_of_the_manifests(repository):
    accounts = (repository / "manifests" / "base" / "service-accounts.yaml").read_text(encoding="utf-8")
    predictor = next(account for account in yaml.safe_load_all(accounts) if "secrets" in account)
    assert predictor["secrets"] == [{"name": OBJECT_STORE_SECRET}]


def test_what_the_steps_mount_is_what_the_manifests_make(repository):
    base, kueue = repository / "manifests" / "base", repository / "manifests" / "components" / "kueue"
    claim = yaml.safe_load((base / "workspace.yaml").read_text(encoding="utf-8"))
    queue = yaml.safe_load((kueue / "local-queue.yaml").read_text(encoding="utf-8"))
    assert claim["metadata"]["name"] == WORKSPACE_CLAIM
    assert queue["metadata"]["name"] == QUEUE


@pytest.mark.parametrize("profile", PROFILES)
def test_steps_that_a_network_or_a_node_may_fail_are_retried_with_back_off(compiled, profile):
    policies = {name: task["retryPolicy"] for name, task in tasks(compiled[profile]).items() if "retryPolicy" in task}
    assert set(policies) == {*RETRIED, training_step(profile)}
    for name, policy in policies.items():
        assert policy["maxRetryCount"] > 0
        assert policy["backoffFactor"] == 2.0
        assert policy["backoffDuration"] == "30s"
        # Counted from the start of the first try: a last try must have its whole time.
        longest_try_s = int(executors(compiled[profile])[name][1]["activeDeadlineSeconds"])
        longest_s = int(policy["backoffMaxDuration"].removesuffix("s"))
        assert longest_s >= (policy["maxRetryCount"] + 1) * longest_try_s + 30


@pytest.mark.parametrize(
    ("profile", "device", "steps"),
    [
        ("training-gpu", "cuda", ON_GPU),
        ("training-cpu", "auto", ON_GPU),
        ("training-nodes", "cuda", ON_GPU - {"train-model"}),
    ],
)
def test_model_steps_are_told_their_device(compiled, profile, device, steps):
    told = {
        name: arguments(task)["device"]["runtimeValue"]["constant"]
        for name, task in tasks(compiled[profile]).items()
        if "device" in arguments(task)
    }
    assert told == dict.fromkeys(steps, device)
