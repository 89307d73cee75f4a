"""What is asked of a cluster is said once: to people in the documentation, to code in a table."""

import pytest

from components.shared.runtime.cluster_versions import REQUIREMENTS, too_old, unmet_floors, version_numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("v1.37.2", (1, 37, 2)), ("1.37", (1, 37)), ("v1.32.3+k3s1", (1, 32, 3)), (" 2.16.0-rc.1\n", (2, 16, 0))],
)
def test_a_version_is_read_as_its_program_writes_it(text, numbers):
    assert version_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", "latest", "master-12"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError, match=r"a version must begin with numbers, like v1\.37\.2, got"):
        version_numbers(text)


def test_below_each_floor_it_is_said_what_is_lost():
    assert [(floor.least, floor.below) for floor in unmet_floors("kserve", "v0.15.2")] == [
        (
            "0.16",
            "the deployment mode Standard is not known, and a release gets the cluster's default, Knative",
        ),
        ("0.20", "there are no canaries in Standard mode"),
    ]
    assert [floor.least for floor in unmet_floors("kserve", "v0.16.0")] == ["0.20"]
    assert unmet_floors("kserve", "v0.20.0") == unmet_floors("kserve", "v1.0") == []


@pytest.mark.parametrize("program", REQUIREMENTS)
def test_floors_rise_and_the_lowest_is_needed(program):
    floors = REQUIREMENTS[program].floors
    assert [version_numbers(floor.least) for floor in floors] == sorted(
        version_numbers(floor.least) for floor in floors
    )
    assert floors[0].is_needed
    assert unmet_floors(program, floors[-1].least) == []


def test_the_remedy_names_program_and_version():
    assert too_old("trainer") == "Kubeflow Trainer 2.2 or newer is needed: have it installed or upgraded"


def test_the_documentation_shows_the_table(repository):
    lines = (repository / "docs" / "cluster.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    shown = [
        [requirement.title, floor.least, floor.below]
        for requirement in REQUIREMENTS.values()
        for floor in requirement.floors
    ]
    assert [row for row in rows if row in shown] == shown
