"""The monitoring pipeline as it is compiled: three steps, the gate last, nothing that a model needs."""

import re

import pytest
import yaml

from components.shared.runtime.container_images import image
from pipelines.compiling import compile_pipeline


@pytest.fixture(scope="module")
def specification(tmp_path_factory):
    compiled = compile_pipeline("monitoring", tmp_path_factory.mktemp("compiled"))
    return next(yaml.safe_load_all(compiled.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def tasks(specification):
    return specification["root"]["dag"]["tasks"]


def test_inputs_are_checked_first_and_the_gate_comes_last(tasks):
    assert {name: task.get("dependentTasks", []) for name, task in tasks.items()} == {
        "check-monitoring-inputs": [],
        "detect-drift": ["check-monitoring-inputs"],
        "gate-drift": ["detect-drift"],
    }


def test_the_gate_reads_the_verdict_on_drift(tasks):
    verdict = tasks["gate-drift"]["inputs"]["artifacts"]["verdict"]["taskOutputArtifact"]
    assert verdict == {"outputArtifactKey": "drift_verdict", "producerTask": "detect-drift"}
    assert tasks["gate-drift"]["taskInfo"]["name"] == "gate: drift"


def test_the_first_step_sees_every_parameter_of_the_form(specification, tasks):
    form = set(specification["root"]["inputDefinitions"]["parameters"])
    seen = tasks["check-monitoring-inputs"]["inputs"]["parameters"].values()
    assert {parameter["componentInputParameter"] for parameter in seen} == form


def test_drift_is_looked_for_with_the_settings_that_were_checked(tasks):
    settings = tasks["detect-drift"]["inputs"]["parameters"]["settings"]
    assert settings["taskOutputParameter"]["producerTask"] == "check-monitoring-inputs"


def test_only_model_and_log_have_to_be_given(specification):
    form = specification["root"]["inputDefinitions"]["parameters"]
    needed = {name for name, parameter in form.items() if not parameter.get("isOptional")}
    assert needed == {"model_uri", "serving_log_uri"}


def test_what_reads_a_store_for_long_is_tried_again_and_a_refused_parameter_is_not(tasks):
    assert {name for name, task in tasks.items() if "retryPolicy" in task} == {"detect-drift"}


def test_its_steps_run_in_the_images_of_their_families(specification):
    executors = specification["deploymentSpec"]["executors"]
    images = {name.removeprefix("exec-"): each["container"]["image"] for name, each in executors.items()}
    assert images["check-monitoring-inputs"] == images["detect-drift"] == image("validation")
    assert all(re.search(r"pluszero-mlops-\w+:", name) for name in images.values())
