"""A team's images for real: its code imports and runs in them as the project's user, confined as a step is."""

import pytest
from typer.testing import CliRunner

from components.shared.runtime.container_images import image
from pipelines.__main__ import app
from pipelines.local.containers import container_engine

pytestmark = pytest.mark.containers

MODEL = "import torch\n\n\ndef build(config):\n    return torch.nn.Linear(2, config)\n"
USED = "import os; from components.shared.runtime.custom_code import custom_function; " + (
    "print(os.getuid(), custom_function('team_models:build')(3).out_features)"
)


def test_a_teams_code_runs_in_the_images_that_one_command_builds(tmp_path):
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "team_models.py").write_text(MODEL, encoding="utf-8")
    output = tmp_path / "images.txt"
    command = ["image", "--code", str(tmp_path / "team"), "--function", "team_models:build", "--output", str(output)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output + str(result.exception)
    _, *derived, _ = output.read_text(encoding="utf-8").splitlines()
    assert len(set(derived) - {image("training"), image("serving")}) == 2
    with container_engine() as client:
        try:
            for reference in derived:
                assert client.images.get(reference).attrs["Config"]["User"] == "10001:10001"
                assert said_in(client, reference) == "10001 3"
        finally:
            for reference in derived:
                client.images.remove(reference, force=True)


def said_in(client, reference):
    container = client.containers.create(
        reference,
        ["python", "-c", USED],
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
    )
    try:
        container.start()
        status = container.wait()["StatusCode"]
        said = container.logs().decode().strip()
    finally:
        container.remove(force=True)
    assert status == 0, said
    return said
