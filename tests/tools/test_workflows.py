"""What the workflows run is fixed: actions by commit, and only with rights that are written down."""

import re

import pytest
import yaml

PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


@pytest.fixture(scope="module")
def workflows(repository):
    """Text of each workflow by its file's name."""
    folder = repository / ".github" / "workflows"
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}


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


def test_a_release_names_base_and_registry_and_publishes_what_was_pushed(workflows):
    text = workflows["release.yaml"]
    steps = [step.get("run", "") for step in yaml.safe_load(text)["jobs"]["release"]["steps"]]
    order = ["PLUSZERO_BASE_IMAGE=", "build_images --release", "make push-images", "make compile", "gh release create"]
    at = [next(place for place, step in enumerate(steps) if part in step) for part in order]
    assert at == sorted(at)
    assert "vars.PLUSZERO_IMAGE_REGISTRY" in text
