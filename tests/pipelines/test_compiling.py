"""Compiled pipelines: the same bytes twice, and nothing expensive before its gates."""

from functools import cache
import os
import re
import subprocess
import sys

import jsonschema
import pytest
import yaml

from pipelines import compiling
from pipelines.compiling import compile_manifests, compile_pipelines
from tests.custom_resources import CRDS

COMPILED = {
    "augmentation-search-cpu",
    "augmentation-search-gpu",
    "monitoring",
    "training-cpu",
    "training-gpu",
    "training-nodes",
}
PIPELINES = {"augmentation-search", "monitoring", "training"}
CHECKS = {"ingest-examples", "validate-examples", "smoke-test", "evaluate-model", "probe-server"}
PAID_FOR = {
    "smoke-test": {"ingestion", "validation"},
    "train-model": {"ingestion", "validation", "smoke"},
    "evaluate-model": {"ingestion", "validation", "smoke"},
    "publish-model": {"ingestion", "validation", "smoke", "analysis"},
    "probe-server": {"ingestion", "validation", "smoke", "analysis"},
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    return {path.stem: path for path in compile_pipelines(folder)}


@cache
def documents(path):
    """What a compiled file holds; nobody changes it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(path.read_text(), loader) if document]


def tasks(path):
    return documents(path)[0]["root"]["dag"]["tasks"]


def upstream(dag, name, seen=None):
    seen = set() if seen is None else seen
    for dependency in dag[name].get("dependentTasks", []):
        if dependency not in seen:
            seen.add(dependency)
            upstream(dag, dependency, seen)
    return seen


def gates_before(dag, name):
    names = {dag[task]["taskInfo"]["name"] for task in upstream(dag, name)}
    return {gate.removeprefix("gate: ") for gate in names if gate.startswith("gate: ")}


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


def test_every_check_has_its_gate(compiled):
    dag = tasks(compiled["training-gpu"])
    judged = {
        task["inputs"]["artifacts"]["verdict"]["taskOutputArtifact"]["producerTask"]
        for name, task in dag.items()
        if name.startswith("quality-gate")
    }
    assert judged == CHECKS


@pytest.mark.parametrize(("task", "gates"), PAID_FOR.items())
def test_nothing_expensive_comes_before_its_gates(compiled, task, gates):
    assert gates_before(tasks(compiled["training-gpu"]), task) == gates


def checks_upstream(dag, name):
    """Names of the upstream steps that judge something."""
    judged = {
        task["inputs"]["artifacts"]["verdict"]["taskOutputArtifact"]["producerTask"]: gate
        for gate, task in dag.items()
        if gate.startswith("quality-gate")
    }
    before = upstream(dag, name)
    return {check: gate for check, gate in judged.items() if check in before}


@pytest.mark.parametrize("profile", ["training-gpu", "training-cpu", "training-nodes"])
def test_no_step_that_holds_a_gpu_or_publishes_is_reached_past_a_closed_gate(compiled, profile):
    dag = tasks(compiled[profile])
    specification = documents(compiled[profile if profile != "training-cpu" else "training-gpu"])[0]
    holding = {
        name.removeprefix("exec-")
        for name, executor in specification["deploymentSpec"]["executors"].items()
        if "accelerator" in executor["container"]["resources"]
    }
    assert holding
    for name in holding | {"publish-model"}:
        gates = checks_upstream(dag, name)
        assert gates, name
        assert set(gates.values()) <= upstream(dag, name), name


@pytest.mark.parametrize("name", sorted(COMPILED))
def test_every_step_has_a_name_for_people(compiled, name):
    names = [task["taskInfo"]["name"] for task in tasks(compiled[name]).values()]
    assert all(re.fullmatch(r"[a-z]+(:? [a-z]+)*", name) for name in names), names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("profile", ["augmentation-search-gpu", "augmentation-search-cpu"])
def test_the_search_tries_policies_side_by_side_behind_its_gates_and_may_train_with_the_winner(compiled, profile):
    dag = tasks(compiled[profile])
    (loop,) = (name for name, task in dag.items() if "parameterIterator" in task)
    assert gates_before(dag, loop) == {"ingestion", "validation"}
    # A wrong policy ends the search before anything is read.
    assert "plan-augmentation-search" in dag["ingest-examples"]["dependentTasks"]
    assert dag[loop]["iteratorPolicy"]["parallelismLimit"] == 4
    assert dag["rank-augmentation-policies"]["dependentTasks"] == [loop]
    (training,) = (task for task in dag.values() if "condition" in task.get("triggerPolicy", {}))
    assert {"rank-augmentation-policies", "quality-gate-2"} <= set(training["dependentTasks"])
    components = documents(compiled[profile])[0]["components"]
    steps = components[training["componentRef"]["name"]]["dag"]["tasks"]
    shared = {"ingest-examples", "validate-examples", "quality-gate", "quality-gate-2"}
    names = {task["taskInfo"]["name"] for task in steps.values()}
    wanted = {
        task["taskInfo"]["name"]
        for name, task in tasks(compiled[profile.replace("augmentation-search", "training")]).items()
        if name not in shared
    }
    assert names - {"check the winner"} == wanted - {"check inputs"}
    assert steps["train-model"]["dependentTasks"]


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
