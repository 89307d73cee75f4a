"""Compiled pipelines: the same bytes twice, and nothing expensive before its gates."""

from itertools import pairwise
import os
import re
import subprocess
import sys

import jsonschema
import pytest
import yaml

from components.shared.runtime.container_images import image, IMAGE_NAMES
from pipelines import compiling
from pipelines.compiling import compile_manifests, compile_pipelines
from tests.custom_resources import CRDS
from tests.pipelines.compiled_graph import documents, steps_of

COMPILED = {
    "augmentation-search-cpu",
    "augmentation-search-gpu",
    "monitoring",
    "labelled-training-cpu",
    "labelled-training-gpu",
    "labelling-cpu",
    "labelling-gpu",
    "scoring-cpu",
    "scoring-gpu",
    "training-cpu",
    "training-gpu",
    "training-nodes",
}
# One step each, or a queue at the end.
WITHOUT_PAGE = {"monitoring", "scoring-cpu", "scoring-gpu", "labelling-cpu", "labelling-gpu"}
PIPELINES = {"augmentation-search", "labelled-training", "labelling", "monitoring", "scoring", "training"}
JUDGED = {"evaluate-model", "compare-with-champion", "assess-fairness", "assess-language-bias"}
CHECKS = {"ingest-examples", "validate-examples", "smoke-test", *JUDGED, "probe-server", "deploy-release"}
BEFORE_ANALYSIS = {"ingestion", "validation", "smoke"}
ANALYSIS = {"analysis", "champion", "fairness", "language bias"}
PAID_FOR = {
    "smoke-test": {"ingestion", "validation"},
    "train-model": {"ingestion", "validation", "smoke"},
    "evaluate-model": BEFORE_ANALYSIS,
    # A model that is refused has been analysed to the end.
    "summarise-analysis": BEFORE_ANALYSIS,
    "publish-model": BEFORE_ANALYSIS | ANALYSIS,
    "probe-server": BEFORE_ANALYSIS | ANALYSIS,
    "deploy-release": BEFORE_ANALYSIS | ANALYSIS | {"serving"},
}
LAYERS = {
    "data": {"ingest examples", "validate examples", "build feature store"},
    "tests": {"smoke test"},
    "training": {"train model"},
    "analysis": {
        "evaluate model",
        "compare with champion",
        "assess fairness",
        "assess language bias",
        "find weak slices",
        "rank label errors",
        "analyse errors",
        "summarise analysis",
    },
    "release": {"publish model", "probe server"},
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    return {path.stem: path for path in compile_pipelines(folder)}


@pytest.fixture(scope="module")
def steps(compiled):
    """The steps of each pipeline, by the names of their executors."""
    return {name: steps_of(documents(path)) for name, path in compiled.items()}


def tasks(path):
    return documents(path)[0]["root"]["dag"]["tasks"]


def gates_before(steps, name):
    shown = {steps[before].shown for before in steps[name].waits_for}
    return {gate.removeprefix("gate: ") for gate in shown if gate.startswith("gate: ")}


def test_compiling_twice_gives_the_same_bytes(compiled, tmp_path):
    for path in compile_pipelines(tmp_path):
        assert path.read_bytes() == compiled[path.stem].read_bytes()


def test_another_process_compiles_the_same_bytes_and_loads_nothing_heavy(compiled, repository, tmp_path):
    name = "training-nodes"
    code = f"""
import importlib, pathlib, sys
from pipelines.compiling import compile_pipeline
compile_pipeline({name!r}, {str(tmp_path)!r})
for face in pathlib.Path("components").glob("*/component.py"):
    importlib.import_module(".".join(face.with_suffix("").parts))
heavy = {{"torch", "tensorflow", "tensorflow_data_validation", "sklearn", "kserve", "pandas", "albumentations"}}
sys.exit(", ".join(sorted(heavy & set(sys.modules))) or 0)
"""
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=repository, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"{name}.yaml").read_bytes() == compiled[name].read_bytes()


def test_every_pipeline_is_compiled_for_every_profile(compiled):
    assert set(compiled) == COMPILED


@pytest.mark.parametrize("name", sorted(COMPILED))
def test_the_form_has_at_most_twelve_described_parameters(compiled, name):
    inputs = documents(compiled[name])[0]["root"]["inputDefinitions"]["parameters"]
    assert 0 < len(inputs) <= 12
    assert all(parameter.get("description") for parameter in inputs.values())


def test_what_must_be_filled_in_comes_together(compiled):
    """KFP's form shows parameters in the order of the alphabet."""
    for name, path in compiled.items():
        form = documents(path)[0]["root"]["inputDefinitions"]["parameters"]
        wanted = [parameter for parameter in form if not form[parameter].get("isOptional")]
        between = [each for each in sorted(form) if wanted[0] <= each <= wanted[-1]]
        assert set(between) - set(wanted) <= {"model_name"}, name
        assert len(wanted) == (3 if name.startswith(("scoring", "labelling")) else 2)
        assert "data_fingerprint" not in wanted


def test_the_first_screen_is_short_and_opens_into_layers_with_a_path(compiled, steps):
    for profile in ("training-gpu", "training-cpu", "training-nodes"):
        first = tasks(compiled[profile])
        artifacts = sum(
            len(_component(compiled[profile], task).get("outputDefinitions", {}).get("artifacts", {}))
            for task in first.values()
        )
        assert len(first) + artifacts <= 8
        found: dict[str, set[str]] = {}
        for step in steps[profile].values():
            if not step.shown.startswith("gate: ") and len(step.path) == 2:
                found.setdefault(step.path[1], set()).add(step.shown)
        assert found == LAYERS
        (run,) = (task for task in first.values() if task["taskInfo"]["name"] == "training run")
        graph = _component(compiled[profile], run)["dag"]["tasks"]
        assert set(graph) == {"check-inputs", *LAYERS}
        path = ["check-inputs", *LAYERS]
        for before, after in pairwise(path):
            assert before in graph[after]["dependentTasks"]


def _component(path, task):
    return documents(path)[0]["components"][task["componentRef"]["name"]]


def test_the_page_of_the_run_is_written_whatever_has_failed(compiled, steps):
    for profile in COMPILED - WITHOUT_PAGE:
        page = steps[profile]["write-run-page"]
        assert page.argument("kind") == ("search" if "search" in profile else "training")
        assert page.task["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
        assert page.task["dependentTasks"] == ["exit-handler-1"]
        # A task of an exit handler is handed no artifact.
        assert "artifacts" not in page.task["inputs"]
        named = page.argument("steps")
        ran = {step.shown for step in steps[profile].values()}
        assert set(named) <= ran
        assert page.argument("version") == "dev"
        assert page.argument("images") == {name: image(name) for name in IMAGE_NAMES}


@pytest.mark.parametrize("profile", ["training-gpu", "training-cpu", "training-nodes"])
def test_each_check_of_the_page_is_kept_by_its_gate(steps, profile):
    """Never from a cache, and with what the check made."""
    gates = {step.argument("step"): step for step in steps[profile].values() if step.shown.startswith("gate: ")}
    assert {name.replace(" ", "-") for name in gates} == CHECKS
    assert set(gates) < set(steps[profile]["write-run-page"].argument("steps"))
    for name, gate in gates.items():
        assert not gate.task["cachingOptions"].get("enableCache")
        made = gate.task["inputs"]["artifacts"]
        assert set(made) == {"verdict", "metrics", "report"}
        producers = {artifact["taskOutputArtifact"]["producerTask"] for artifact in made.values()}
        assert producers == {name.replace(" ", "-")}


def test_a_run_without_a_page_keeps_nothing_for_one(steps):
    (gate,) = (step for step in steps["monitoring"].values() if step.shown == "gate: drift")
    assert gate.argument("step") == ""


def _training(profile):
    return "train-on-nodes" if profile == "training-nodes" else "train-model"


def test_every_check_has_its_gate(steps):
    judged = {
        step.task["inputs"]["artifacts"]["verdict"]["taskOutputArtifact"]["producerTask"]
        for step in steps["training-gpu"].values()
        if step.shown.startswith("gate: ")
    }
    assert judged == CHECKS


@pytest.mark.parametrize(("task", "gates"), PAID_FOR.items())
def test_nothing_expensive_comes_before_its_gates(steps, task, gates):
    assert gates_before(steps["training-gpu"], task) == gates


@pytest.mark.parametrize("profile", ["training-gpu", "training-cpu", "training-nodes"])
def test_no_step_that_holds_a_gpu_or_publishes_is_reached_past_a_closed_gate(steps, profile):
    found = steps[profile]
    gates = {
        step.task["inputs"]["artifacts"]["verdict"]["taskOutputArtifact"]["producerTask"]: step.name
        for step in found.values()
        if step.shown.startswith("gate: ")
    }
    expensive = [step for step in found.values() if step.gpus or step.name in (_training(profile), "publish-model")]
    assert len(expensive) >= 2
    for step in expensive:
        # The analysis comes to its end before its own gates: what a refused model lacks stands in its reports.
        own = JUDGED if step.path[-1:] == ("analysis",) else set()
        behind = {gate for check, gate in gates.items() if check in step.waits_for and check not in own}
        assert len(behind) >= 2, step.name
        assert behind <= step.waits_for, step.name


@pytest.mark.parametrize("name", sorted(COMPILED))
def test_every_step_has_a_name_for_people(compiled, steps, name):
    shown = [step.shown for step in steps[name].values()]
    assert all(re.fullmatch(r"[a-z]+(:? [a-z]+)*", each) for each in shown), shown
    # The winner of a search prepares its examples anew; of labels two models learn, on from the old one and anew.
    wanted = {"augmentation-search": {"build feature store"}, "labelled-training": {"train model"}}
    twice = {each for each in shown if shown.count(each) > 1}
    assert twice <= wanted.get(name.rpartition("-")[0], set())
    layers = {layer["taskInfo"]["name"] for step in steps[name].values() for layer in step.layers}
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)*", layer) for layer in layers), layers


@pytest.mark.parametrize("profile", ["augmentation-search-gpu", "augmentation-search-cpu"])
def test_the_search_tries_policies_side_by_side_behind_its_gates_and_may_train_with_the_winner(steps, profile):
    found = steps[profile]
    trial, ranking = found["try-augmentation-policy"], found["rank-augmentation-policies"]
    assert gates_before(found, "try-augmentation-policy") == {"ingestion", "validation"}
    # A wrong policy ends the search before anything is read.
    assert "plan-augmentation-search" in found["ingest-examples"].waits_for
    (loop,) = (layer for layer in trial.layers if "parameterIterator" in layer)
    assert loop["iteratorPolicy"]["parallelismLimit"] == 4
    assert trial.name in ranking.waits_for
    winner = {step.shown for step in found.values() if "train with the winner" in step.path}
    assert all(ranking.name in step.waits_for for step in found.values() if "train with the winner" in step.path)
    trained = {step.shown for step in steps[profile.replace("augmentation-search", "training")].values()}
    before = {"check inputs", "write run page", "ingest examples", "validate examples"}
    before |= {"gate: ingestion", "gate: validation"}
    assert winner - {"check the winner"} == trained - before


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects")
    return {path.name: documents(path) for path in compile_manifests(folder)}


def test_the_objects_for_kubectl_are_a_pipeline_and_a_version_for_each_profile(objects):
    assert set(objects) == {f"{name}.kubernetes.yaml" for name in COMPILED}
    for name, (pipeline, version) in objects.items():
        (pipeline_name,) = (f"pluszero-{known}" for known in PIPELINES if name.startswith(known))
        assert (pipeline["kind"], version["kind"]) == ("Pipeline", "PipelineVersion")
        assert version["spec"]["pipelineName"] == pipeline["metadata"]["name"] == pipeline_name
        assert version["spec"]["pipelineSpec"]["pipelineInfo"]["name"] == pipeline_name
        assert version["metadata"]["name"] == f"pluszero-{name.split('.')[0]}-dev"


def test_the_objects_hold_what_the_ui_takes(compiled, objects):
    for name in COMPILED:
        specification, platform = documents(compiled[name])
        version = objects[f"{name}.kubernetes.yaml"][1]["spec"]
        assert version["pipelineSpec"] == specification
        assert version["platformSpec"] == platform


@pytest.mark.parametrize(("tag", "name"), [("v0.1.0", "v0-1-0"), ("0A1B_dirty", "0a1b-dirty")])
def test_a_versions_name_is_one_that_kubernetes_takes(tmp_path, monkeypatch, tag, name):
    monkeypatch.setenv("PLUSZERO_IMAGE_TAG", tag)
    # Of all the longest name.
    longest = max(compiling.VARIANTS, key=lambda variant: len(variant.file_name))
    monkeypatch.setattr(compiling, "VARIANTS", (longest,))
    (path,) = compile_manifests(tmp_path)
    version = documents(path)[1]
    assert version["metadata"]["name"].endswith(f"-{name}")
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", version["metadata"]["name"])


def test_the_objects_keep_their_schemas(objects):
    for each in objects.values():
        for found in each:
            text = (CRDS / f"kfp_{found['kind'].lower()}s.yaml").read_text()
            definition = next(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
            schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
            assert set(found["spec"]) <= set(schema["properties"]), found["kind"]
            assert list(jsonschema.Draft202012Validator(schema).iter_errors(found["spec"])) == []


def test_reports_verdicts_and_metrics_are_called_after_their_step(compiled):
    """KFP's lists of artifacts, its comparison and its lineage show a name and nothing else."""
    specification = documents(compiled["training-gpu"])[0]
    names = [
        name
        for component in specification["components"].values()
        if "executorLabel" in component
        for name in component.get("outputDefinitions", {}).get("artifacts", {})
        if name.endswith(("report", "verdict", "metrics"))
    ]
    assert len(names) == len(set(names)) >= 14
    assert not {"report", "verdict", "metrics"} & set(names)


def test_a_list_of_images_is_what_every_step_runs(tmp_path):
    digest = "sha256:" + "0123456789abcdef" * 4
    names = ("validation", "training", "serving")
    listed = {f"registry.example/team/pluszero-mlops-{name}:v0.1.0@{digest}" for name in names}
    (tmp_path / "images.txt").write_text("\n".join(listed), encoding="utf-8")
    told = {"PLUSZERO_IMAGE_LIST": str(tmp_path / "images.txt"), "PLUSZERO_IMAGE_PULL_SECRETS": "one, two"}
    # Faces read the list when they are imported, so that another process compiles.
    script = (
        "import sys; from pipelines import compiling as c; c.compile_pipeline(*sys.argv[1:]); print(c.image_version())"
    )
    command = [sys.executable, "-c", script, "training-nodes", str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **told})
    assert done.stdout == "v0.1.0\n"
    pipeline, platform = documents(tmp_path / "training-nodes.yaml")
    containers = [each["container"] for each in pipeline["deploymentSpec"]["executors"].values()]
    assert {container["image"] for container in containers} == listed
    # A step hands them on to the pods that it asks for.
    secrets = {"name": "PLUSZERO_IMAGE_PULL_SECRETS", "value": "one,two"}
    assert all(secrets in container["env"] for container in containers)
    for placed in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
        assert [secret["secretName"] for secret in placed["imagePullSecret"]] == ["one", "two"]
    assert "localhost" not in (tmp_path / "training-nodes.yaml").read_text()


def test_a_list_of_images_that_is_not_there_is_one_sentence(tmp_path):
    command = [
        sys.executable,
        "-m",
        "pipelines",
        "compile",
        "--output",
        str(tmp_path),
        "--images",
        "/nowhere/images.txt",
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert (
        done.stderr == "error: PLUSZERO_IMAGE_LIST must name a list of images, but /nowhere/images.txt is not there\n"
    )
