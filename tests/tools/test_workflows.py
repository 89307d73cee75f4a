"""What the workflows run is fixed: actions by commit, and only with rights that are written down."""

import re
import shlex

import pytest
import typer
import yaml

from pipelines.__main__ import app
from pipelines.pluszero import SUBCOMMANDS

USERS = "examples/user-repository"
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


@pytest.fixture(scope="module")
def workflows(repository):
    """Text of each workflow by its file's name."""
    folders = (repository / ".github" / "workflows", repository / USERS / ".github" / "workflows")
    return {file.name: file.read_text(encoding="utf-8") for folder in folders for file in folder.iterdir()}


def test_every_action_is_named_by_a_commit_with_its_version_beside(workflows):
    used = [line for text in workflows.values() for line in re.findall(r"uses:\s*(.*)", text)]
    assert used
    assert [line for line in used if not PINNED.fullmatch(line.strip())] == []


def test_an_action_has_one_commit_in_all_workflows(workflows):
    found = {tuple(used.split("@")) for text in workflows.values() for used in re.findall(r"uses:\s*(\S+)", text)}
    assert len({action for action, _ in found}) == len(found)


def test_every_workflow_says_what_it_may_do(workflows):
    for name, text in workflows.items():
        workflow = yaml.safe_load(text)
        assert "permissions" in workflow, name
        assert all("timeout-minutes" in job for job in workflow["jobs"].values()), name


def test_no_workflow_puts_into_a_shell_what_somebody_else_wrote(workflows):
    """A value of an input or a variable is text for the shell only by the environment."""
    for name, text in workflows.items():
        for job in yaml.safe_load(text)["jobs"].values():
            for step in job["steps"]:
                assert not re.search(r"\$\{\{\s*(inputs|vars|secrets|github\.event)", step.get("run", "")), name


def steps_of(text, job):
    return [step.get("run", "") for step in yaml.safe_load(text)["jobs"][job]["steps"]]


def in_order(steps, parts):
    at = [next(place for place, step in enumerate(steps) if part in step) for part in parts]
    return at == sorted(at)


def test_a_release_names_base_and_registry_scans_before_it_pushes_and_publishes_what_it_wrote(workflows):
    text = workflows["release.yaml"]
    order = [
        "release_conditions",
        ".ci/run",
        "PLUSZERO_BASE_IMAGE=",
        "build_images --release",
        "--severity CRITICAL --exit-code 1",
        "make push-images",
        "make release",
        "gh release create",
    ]
    assert in_order(steps_of(text, "release"), order)
    assert "vars.PLUSZERO_IMAGE_REGISTRY" in text
    workflow = yaml.safe_load(text)
    assert (workflow["permissions"], workflow["jobs"]["release"]["permissions"]) == (
        {"contents": "read"},
        {"contents": "write"},
    )


def test_a_users_workflow_tests_builds_compiles_and_submits_by_commands_that_there_are(workflows, repository):
    text = workflows["train.yaml"]
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    steps = steps_of(text, "train")
    assert in_order(steps, ["pluszero run --recipe smoke", "pluszero image", "pluszero compile", "pluszero submit"])
    called = [line for step in steps for line in step.replace("\\\n", " ").splitlines() if "pluszero " in line]
    commands = typer.main.get_command(app).commands
    for line in called:
        words = shlex.split(line)
        name = words[words.index("pluszero") + 1]
        assert SUBCOMMANDS[name].module == "pipelines"
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known
    (function,) = re.findall(r"FUNCTION: (\S+)", text)
    module, _, name = function.partition(":")
    assert f"def {name}(" in (repository / USERS / "team" / f"{module}.py").read_text(encoding="utf-8")
