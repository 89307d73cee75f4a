"""Where steps run, as whom, with what and for how long: read back from the compiled YAML, as a cluster reads it."""

import re

import pytest
import yaml

from components.shared.contracts.cluster_spec import OBJECT_STORE_SECRET
from components.shared.runtime.container_images import image
from components.shared.runtime.gpu_placement import QUEUE, WORKSPACE_CLAIM, WORKSPACE_PATH
from pipelines.compiling import compile_pipelines
from tests.pipelines.compiled_graph import documents, steps_of

ON_GPU = {"smoke-test", "train-model", "evaluate-model", "compare-with-champion"}
ON_CPU = {"assess-language-bias", "rank-label-errors", "analyse-errors"}
WITH_SECRET = {"ingest-examples", "compare-with-champion", "publish-model", "probe-server", "deploy-release"}
RETRIED = {"ingest-examples", "publish-model", "deploy-release"}
PROFILES = ("training-gpu", "training-cpu", "training-nodes")
SEARCHES = ("augmentation-search-gpu", "augmentation-search-cpu")
SCORING = ("scoring-gpu", "scoring-cpu")
COMPILED = (*PROFILES, *SEARCHES, *SCORING, "monitoring")
CHECKING = {"check inputs", "check the winner"}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    return {path.stem: documents(path) for path in compile_pipelines(folder)}


@pytest.fixture(scope="module")
def steps(compiled):
    """The steps of each pipeline, by the names of their executors."""
    return {name: steps_of(found) for name, found in compiled.items()}


def training_step(profile):
    """The step that trains."""
    return "train-on-nodes" if profile == "training-nodes" else "train-model"


def mounts(placed):
    return {mount["mountPath"]: mount for mount in placed.get("emptyDirMounts", [])}


def test_the_gpu_profile_places_model_steps_on_nvidia_nodes_and_no_others(steps):
    for name, step in steps["training-gpu"].items():
        placed, accelerator = step.placed, step.container["resources"].get("accelerator")
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


def test_the_step_that_launches_nodes_holds_no_gpu_and_names_their_image_claim_and_size(steps):
    launching = steps["training-nodes"]["train-on-nodes"]
    assert "accelerator" not in launching.container["resources"]
    assert "nodeSelector" not in launching.placed
    assert launching.argument("node_image") == image("training")
    assert launching.argument("workspace_claim") == "form workspace_claim"
    for size in ("cpu", "cpu_limit", "memory", "memory_limit"):
        assert launching.argument(size) == f"check-inputs.training_{size}"


@pytest.mark.parametrize("name", ["training-cpu", "augmentation-search-cpu", "scoring-cpu", "monitoring"])
def test_what_computes_on_a_cpu_asks_for_no_gpu(compiled, name):
    assert "nvidia" not in yaml.safe_dump_all(compiled[name])


def test_a_trial_of_the_search_is_placed_as_a_training_is(steps):
    found = steps["augmentation-search-gpu"]
    trial, trained = found["try-augmentation-policy"], found["train-model"]
    assert trial.gpus == "1"
    assert trial.container["resources"].keys() == trained.container["resources"].keys()
    for name in ("nodeSelector", "tolerations", "podMetadata", "emptyDirMounts", "securityContext"):
        assert trial.placed[name] == trained.placed[name]
    assert claim_of(trial) == "form workspace_claim"


def claim_of(step):
    """Where the name of the one claim that a step mounts comes from."""
    (mount,) = step.placed["pvcMount"]
    assert mount["mountPath"] == WORKSPACE_PATH
    return step.origin(mount["pvcNameParameter"])


@pytest.mark.parametrize("profile", COMPILED)
def test_every_step_has_limits_scratch_space_a_timeout_and_a_user(steps, profile):
    for name, step in steps[profile].items():
        for said in ("CpuRequest", "CpuLimit", "MemoryRequest", "MemoryLimit"):
            assert step.asked(said), name
        # The step that launches nodes waits for its place in the queue too; a node may need half an hour for an image.
        days = 14 if name == "train-on-nodes" else 7
        assert 1800 < int(step.placed["activeDeadlineSeconds"]) <= days * 24 * 3600 + 1800, name
        assert re.fullmatch(r"\d+Gi", mounts(step.placed)["/tmp"]["sizeLimit"]), name
        user = step.placed["securityContext"]
        assert user == {"runAsGroup": "10001", "runAsNonRoot": True, "runAsUser": "10001"}, name


@pytest.mark.parametrize("profile", COMPILED)
def test_what_steps_ask_for_is_small_or_the_problem_files(steps, profile):
    """A node of 2 cores and 4 GiB has place for each step, unless the problem file's `cluster:` section says more."""
    for name, step in steps[profile].items():
        for what, most in (("Cpu", r"\d{3}m"), ("Memory", "512Mi|1Gi")):
            asked = step.asked(f"{what}Request")
            assert re.fullmatch(rf"{most}|check-inputs(-2)?\.(data|training)_{what.lower()}", asked), (name, asked)


@pytest.mark.parametrize("profile", ["training-gpu", "augmentation-search-gpu"])
def test_the_step_that_trains_asks_for_as_many_gpus_as_the_problem_file_says(steps, profile):
    assert re.fullmatch(r"check-inputs(-2)?\.gpus", steps[profile]["train-model"].gpus)
    assert steps[profile]["smoke-test"].gpus == "1"


@pytest.mark.parametrize("profile", COMPILED)
def test_no_image_is_latest(steps, profile):
    known = {image(name) for name in ("validation", "training", "serving")}
    assert {step.container["image"] for step in steps[profile].values()} <= known


@pytest.mark.parametrize("profile", COMPILED)
def test_every_step_mounts_the_workspace_that_the_form_names_and_knows_its_run(compiled, steps, profile):
    for step in steps[profile].values():
        assert claim_of(step) == "form workspace_claim", step.name
        assert {"name": "PLUSZERO_STEP", "value": step.shown} in step.container["env"]
        (told,) = step.placed["fieldPathAsEnv"]
        assert told == {"name": "PLUSZERO_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}
    form = compiled[profile][0]["root"]["inputDefinitions"]["parameters"]
    assert form["workspace_claim"]["defaultValue"] == WORKSPACE_CLAIM
    for name in ("checkpoint_dir", "feature_dir") if profile in PROFILES else ():
        assert form[name]["defaultValue"].startswith(f"{WORKSPACE_PATH}/")


def secrets(placed):
    """Name of the secret that each variable of a step comes from, all of them optional."""
    found = placed.get("secretAsEnv", [])
    assert all(secret["optional"] for secret in found)
    return {key["envVar"]: secret["secretNameParameter"] for secret in found for key in secret["keyToEnv"]}


@pytest.mark.parametrize("profile", PROFILES)
def test_steps_that_read_or_write_outside_reach_it_by_the_secret_that_the_problem_file_names(steps, profile):
    reached = {
        name: step.origin(found["AWS_ENDPOINT_URL"])
        for name, step in steps[profile].items()
        if "AWS_ENDPOINT_URL" in (found := secrets(step.placed))
    }
    assert reached.pop("check-inputs") == OBJECT_STORE_SECRET
    assert reached == dict.fromkeys({*WITH_SECRET, training_step(profile)}, "check-inputs.secret")


@pytest.mark.parametrize("profile", [*PROFILES, *SEARCHES])
def test_the_steps_that_check_inputs_know_which_profile_needs_room(steps, profile):
    asked = {step.argument("profile") for step in steps[profile].values() if step.shown in CHECKING}
    assert asked == {profile.rpartition("-")[2]}


def test_monitoring_reaches_the_store_and_has_the_key_of_personal_data(steps):
    found = steps["monitoring"]
    for name in ("check-monitoring-inputs", "detect-drift"):
        assert found[name].origin(secrets(found[name].placed)["AWS_ACCESS_KEY_ID"]) == OBJECT_STORE_SECRET
    drift = found["detect-drift"]
    assert drift.origin(secrets(drift.placed)["PLUSZERO_PII_KEY"]) == "pluszero-pii-key"


@pytest.mark.parametrize("profile", [*PROFILES, *SEARCHES])
def test_only_the_page_of_a_run_has_the_webhook_from_a_secret_that_may_be_absent(steps, profile):
    told = {
        step.shown: {name: step.origin(secret) for name, secret in found.items()}
        for step in steps[profile].values()
        if "PLUSZERO_WEBHOOK_URL" in (found := secrets(step.placed))
    }
    names = ("PLUSZERO_WEBHOOK_URL", "PLUSZERO_RUN_LINK")
    assert told == {"write run page": dict.fromkeys(names, "pluszero-webhook")}


@pytest.mark.parametrize("profile", COMPILED)
def test_what_looks_outside_or_leaves_something_there_is_never_answered_by_the_cache(steps, profile):
    uncached = {step.shown for step in steps[profile].values() if not step.task["cachingOptions"].get("enableCache")}
    looking = {
        "monitoring": {"check monitoring inputs", "detect drift"},
        "scoring": {"score examples"},
        "training": {"check inputs", "compare with champion", "assess language bias", "deploy release"},
        "augmentation": {
            "check inputs",
            "check the winner",
            "compare with champion",
            "assess language bias",
            "deploy release",
        },
    }[profile.partition("-")[0]]
    leaving = {step.shown for step in steps[profile].values() if step.shown.startswith("gate: ")}
    if profile in (*PROFILES, *SEARCHES):
        leaving |= {"summarise analysis", "write run page"}
    assert uncached == looking | leaving


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
def test_steps_that_a_network_or_a_node_may_fail_are_retried_with_back_off(steps, profile):
    retried = {name: step for name, step in steps[profile].items() if "retryPolicy" in step.task}
    assert set(retried) == {*RETRIED, training_step(profile)}
    for step in retried.values():
        policy = step.task["retryPolicy"]
        assert policy["maxRetryCount"] > 0
        assert policy["backoffFactor"] == 2.0
        assert policy["backoffDuration"] == "30s"
        # Counted from the start of the first try: a last try must have its whole time.
        longest_try_s = int(step.placed["activeDeadlineSeconds"])
        longest_s = int(policy["backoffMaxDuration"].removesuffix("s"))
        assert longest_s >= (policy["maxRetryCount"] + 1) * longest_try_s + 30


@pytest.mark.parametrize(
    ("profile", "device", "told"),
    [
        ("training-gpu", "cuda", ON_GPU),
        ("training-cpu", "auto", ON_GPU),
        ("training-nodes", "cuda", ON_GPU - {"train-model"}),
    ],
)
def test_model_steps_are_told_their_device(steps, profile, device, told):
    found = {
        name: step.argument("device")
        for name, step in steps[profile].items()
        if "device" in step.task["inputs"].get("parameters", {})
    }
    assert found == dict.fromkeys(told, device) | dict.fromkeys(ON_CPU, "cpu")
