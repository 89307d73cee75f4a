"""The workflows for GitHub's runners are what actionlint takes: keys, expressions, contexts, names of runners."""

import subprocess

import pytest

from tests.cluster.programs import programs

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def actionlint():
    """The program, built where it is not kept yet."""
    (program,) = [folder / "actionlint" for folder in programs() if (folder / "actionlint").is_file()]
    return str(program)


def test_every_workflow_is_right(actionlint, repository):
    folders = (repository, repository / "examples" / "user-repository")
    files = sorted(str(file) for folder in folders for file in (folder / ".github" / "workflows").iterdir())
    assert len(files) == 4
    done = subprocess.run([actionlint, "-no-color", *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_planted_mistake_is_found(actionlint, repository, tmp_path):
    planted = (
        (repository / ".github" / "workflows" / "ci.yaml").read_text(encoding="utf-8").replace("runs-on", "run-on")
    )
    (tmp_path / "ci.yaml").write_text(planted, encoding="utf-8")
    done = subprocess.run([actionlint, tmp_path / "ci.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'unexpected key "run-on"' in done.stdout
