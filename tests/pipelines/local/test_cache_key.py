"""A changed line reruns the steps that can reach it, and no others."""

import re
import shutil

import pytest
import yaml

from components.shared.runtime import code_fingerprint
from pipelines.compiling import compile_pipeline
from pipelines.local.cache_key import tag_with_source

ANALYSIS = {
    "evaluate-model",
    "compare-with-champion",
    "assess-fairness",
    "assess-language-bias",
    "find-weak-slices",
    "rank-label-errors",
    "analyse-errors",
    "summarise-analysis",
}
WITH_MODEL = ANALYSIS - {"assess-fairness", "find-weak-slices", "summarise-analysis"}
GATES = {
    f"gate-{name}"
    for name in (
        *("ingestion", "validation", "smoke", "analysis", "champion", "fairness", "language-bias", "serving"),
        "deployment",
    )
}
ALL_STEPS = {
    "check-inputs",
    "ingest-examples",
    "validate-examples",
    "build-feature-store",
    "smoke-test",
    "train-model",
    *ANALYSIS,
    "publish-model",
    "probe-server",
    "deploy-release",
    *GATES,
    "write-run-page",
}


@pytest.fixture(scope="module")
def whole_package(tmp_path_factory):
    return compile_pipeline("training-cpu", tmp_path_factory.mktemp("package")).read_text()


@pytest.fixture(scope="module")
def package(whole_package):
    """The executors of the pipeline, all that tags depend on: reading and writing the rest takes a second."""
    executors = next(yaml.safe_load_all(whole_package))["deploymentSpec"]["executors"]
    different = {name: executor for name, executor in executors.items() if not name[-1].isdigit()}
    return yaml.safe_dump({"deploymentSpec": {"executors": different}, "root": {}, "components": {}}, sort_keys=False)


@pytest.fixture
def tree(repository, tmp_path, monkeypatch):
    """A copy of the sources that a test may change."""
    shutil.copytree(repository / "components", tmp_path / "components", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_fingerprint, "_ROOT", tmp_path)
    return tmp_path / "components"


def tags(package):
    executors = next(yaml.safe_load_all(tag_with_source(package)))["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): executor["container"]["image"] for name, executor in executors.items()}


@pytest.fixture(scope="module")
def unchanged_tags(package):
    """The tags of the sources as they are, wherever they lie."""
    return tags(package)


@pytest.fixture
def changed_steps(package, unchanged_tags, tree):
    """What names the steps whose tags a change in a file of the copy changes."""

    def changed(name, old, new):
        _replace_once(tree / name, old, new)
        after = tags(package)
        return {step for step, tag in unchanged_tags.items() if tag != after[step]}

    return changed


def _replace_once(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_a_step_looks_at_outside_changes_its_tag_and_no_other(unchanged_tags, package):
    seen = yaml.safe_load_all(tag_with_source(package, looked_at={"compare_with_champion": "0123456789abcdef"}))
    executors = next(seen)["deploymentSpec"]["executors"]
    tags = {name.removeprefix("exec-"): executor["container"]["image"] for name, executor in executors.items()}
    assert {name for name, tag in tags.items() if tag != unchanged_tags[name]} == {"compare-with-champion"}


def test_every_step_has_a_tag_of_its_own_code(package, unchanged_tags, tree):
    assert set(unchanged_tags) == ALL_STEPS
    assert all(":src-" in tag for tag in unchanged_tags.values())
    assert tags(package) == unchanged_tags


@pytest.mark.parametrize(
    ("file", "old", "new", "steps"),
    [
        ("model_analysis/evaluation_report.py", '"""', '"""Changed. ', {"evaluate-model"}),
        ("training/smoke/suite.py", '"""', '"""Changed. ', {"smoke-test"}),
        ("training/trainer/checkpoints.py", "_SECONDS_BETWEEN_TRIES = 1.0", "_SECONDS_BETWEEN_TRIES = 2.0", None),
        ("feature_engineering/label_risk.py", '"""', '"""Changed. ', {"build-feature-store"}),
        (
            "modeling/augmentation/named_policies.py",
            '"p": 0.8',
            '"p": 0.7',
            {"build-feature-store", "check-inputs"},
        ),
        ("quality_gate/jobs.py", "if not verdict.passed", "if verdict.passed is False", GATES),
        ("serving/probe/replay.py", '"""', '"""Changed. ', {"probe-server"}),
        ("serving/server/model_server.py", '"""', '"""Changed. ', {"probe-server"}),
        (
            "modeling/predictor.py",
            '"""',
            '"""Changed. ',
            {"smoke-test", "probe-server", "publish-model", "train-model", *WITH_MODEL},
        ),
        ("shared/contracts/verdict.py", "FORMAT_VERSION = 2", "FORMAT_VERSION = 3", None),
    ],
)
def test_a_changed_line_changes_the_steps_that_reach_it(changed_steps, file, old, new, steps):
    found = changed_steps(file, old, new)
    if steps is not None:
        assert found == steps
    else:
        assert found
        assert found < ALL_STEPS


def test_training_code_reaches_smoke_test_and_training_alone(changed_steps):
    found = changed_steps("training/trainer/lightning_module.py", '"""', '"""Changed. ')
    assert found == {"smoke-test", "train-model"}


def test_a_changed_comment_changes_nothing(package, unchanged_tags, tree):
    file = tree / "training/recipes.py"
    file.write_text(file.read_text() + "\n# A remark.\n")
    assert tags(package) == unchanged_tags


def test_a_changed_template_changes_whoever_writes_reports(changed_steps):
    found = changed_steps("reporting/templates/page.css", "margin", "padding")
    assert "evaluate-model" in found
    assert not found & GATES


def test_a_job_that_is_not_there_is_an_error():
    module = "components.training.jobs.train_model"
    with pytest.raises(ValueError, match=rf"{re.escape(module)} must define no_such_job"):
        code_fingerprint.job_fingerprint(module, "no_such_job")


def test_a_face_or_a_job_that_is_renamed_alone_is_an_error(package, tree):
    with pytest.raises(ValueError, match="train_anything must be a face of a family"):
        tag_with_source(package.replace("- train_model\n", "- train_anything\n"))
    _replace_once(tree / "training/jobs/train_model.py", "def train_model(", "def train_it(")
    with pytest.raises(ValueError, match="must define train_model, but does not"):
        tags(package)


def test_a_local_run_does_not_repeat_a_step_that_refused_its_data(whole_package):
    specification, *others = yaml.safe_load_all(whole_package)
    dags = [specification["root"], *specification["components"].values()]
    tasks = [task for root in dags for task in root.get("dag", {}).get("tasks", {}).values()]
    for task in tasks:
        task["retryPolicy"] = {"maxRetryCount": 3, "backoffDuration": "60s"}
    assert tasks
    assert "retryPolicy" not in tag_with_source(yaml.safe_dump_all([specification, *others]))


def test_a_local_run_has_no_step_that_writes_the_page_of_a_run_on_a_cluster(whole_package):
    """Here whoever runs the steps sees them, and writes the page."""
    assert _shown(whole_package) - _shown(tag_with_source(whole_package)) == {"write run page"}


def _shown(package):
    specification = next(yaml.safe_load_all(package))
    dags = [specification["root"], *specification["components"].values()]
    return {task["taskInfo"]["name"] for root in dags for task in root.get("dag", {}).get("tasks", {}).values()}


@pytest.mark.parametrize(
    "name", ["{image}@sha256:" + "ab" * 32, "{image}:v0.1.0@sha256:" + "ab" * 32, "{image}:v0.1.0"]
)
def test_an_image_by_digest_is_tagged_as_any_other(package, unchanged_tags, name):
    """As where PLUSZERO_IMAGE_LIST is set for a compilation in the same shell."""
    documents = list(yaml.safe_load_all(package))
    for executor in documents[0]["deploymentSpec"]["executors"].values():
        image = executor["container"]["image"].rpartition(":")[0]
        executor["container"]["image"] = name.format(image=image)
    assert tags(yaml.safe_dump_all(documents)) == unchanged_tags
