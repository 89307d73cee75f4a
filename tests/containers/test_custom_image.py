"""A team's image for real: its code imports and runs there as the project's user, with everything of the base."""

import subprocess

import pytest
from typer.testing import CliRunner

from components.shared.runtime.container_images import image
from pipelines.__main__ import app
from pipelines.local.image_engine import engine

pytestmark = pytest.mark.containers

MODEL = "import torch\n\n\ndef build(config):\n    return torch.nn.Linear(2, config)\n"
USED = "import os; from components.shared.runtime.custom_code import custom_function; " + (
    "print(os.getuid(), custom_function('team_models:build')(3).out_features)"
)


def test_a_teams_code_runs_in_the_image_that_one_command_builds(tmp_path):
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "team_models.py").write_text(MODEL, encoding="utf-8")
    output = tmp_path / "images.txt"
    command = ["image", "--code", str(tmp_path / "team"), "--function", "team_models:build", "--output", str(output)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output + str(result.exception)
    references = output.read_text(encoding="utf-8").splitlines()
    derived = [reference for reference in references if "-training:" in reference or "-serving:" in reference]
    assert len(derived) == 2
    assert image("training") not in derived
    tool = engine()
    if tool == "buildah":
        pytest.fail("this test runs containers, which buildah alone does not: install docker or podman")
    try:
        for reference in derived:
            ran = subprocess.run(
                [tool, "run", "--rm", "--network", "none", reference, "python", "-c", USED],
                capture_output=True,
                text=True,
                check=False,
            )
            assert (ran.returncode, ran.stdout) == (0, "10001 3\n"), ran.stderr
    finally:
        subprocess.run([tool, "rmi", "--force", *derived], capture_output=True, check=False)
