"""The console script: help at once, every command behind it, and nothing of a command lost on the way."""

import ast
import re
import subprocess
import sys

import pytest

from components.shared.contracts.verdict import Verdict, write_verdict
from pipelines.local import environments
from pipelines.pluszero import main, SUBCOMMANDS

FAMILIES = ["pipelines", *sorted({row.module for row in SUBCOMMANDS.values()} - {"pipelines"})]
HEAVY = {"kfp", "kserve", "numpy", "pandas", "pyarrow", "tensorflow_data_validation", "torch", "typer"}


def pluszero(*arguments: object, cwd: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "pipelines.pluszero", *map(str, arguments)]
    environment = {"PYTHONPATH": str(environments.REPOSITORY), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_help_lists_every_subcommand_in_a_line_and_imports_no_library(tmp_path):
    code = "import sys\nfrom pipelines.pluszero import main\nmain(['--help'])\nsys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=environments.REPOSITORY, capture_output=True, text=True, check=True
    )
    shown = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith("  "))
    assert shown == {name: row.help for name, row in SUBCOMMANDS.items()}
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert HEAVY & set(done.stderr.split()) == set()


def commands_of(file) -> set[str]:
    """Names of a typer application's commands, read from its source: some take seconds to import."""
    names, has_callback = set(), False
    for node in ast.walk(ast.parse(file.read_text())):
        for call in getattr(node, "decorator_list", []):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "app.command":
                names.add(call.args[0].value if call.args else node.name.replace("_", "-"))
            has_callback |= isinstance(call, ast.Call) and ast.unparse(call.func) == "app.callback"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "app.add_typer":
            names.update(keyword.value.value for keyword in node.keywords if keyword.arg == "name")
    # An application with one command and no callback is that command.
    return names if has_callback or len(names) > 1 else set()


WITHOUT_FACES = {"pipelines", "components.mock_data", "components.cluster", "components.deployment"}


@pytest.mark.parametrize("module", FAMILIES)
def test_every_command_of_a_family_is_a_subcommand_and_every_subcommand_is_one(repository, module):
    listed = {row.words[0] for row in SUBCOMMANDS.values() if row.module == module and row.words}
    assert listed == commands_of(repository / module.replace(".", "/") / "__main__.py")


def test_no_family_with_a_command_line_is_forgotten(repository):
    found = {f"components.{file.parent.name}" for file in repository.glob("components/*/__main__.py")}
    assert found == set(FAMILIES) - {"pipelines"}


@pytest.mark.parametrize("module", [module for module in FAMILIES if module not in WITHOUT_FACES])
def test_a_family_runs_in_the_environment_of_its_own_image(repository, module):
    faces = (repository / module.replace(".", "/") / "component.py").read_text()
    images = set(re.findall(r'base_image=image\("(\w+)"\)', faces))
    assert {row.image for row in SUBCOMMANDS.values() if row.module == module} == images


def test_the_look_at_a_cluster_runs_where_the_first_step_looks_too(repository):
    """It is no family with a face: `check inputs` of the training image uses it."""
    assert SUBCOMMANDS["check-cluster"].image == "training"
    faces = (repository / "components" / "training" / "component.py").read_text()
    assert 'base_image=image("training")' in faces
    assert "components.training.jobs.check_inputs" in faces


def test_arguments_output_and_exit_status_pass_through_whatever_lies_where_it_is_called(tmp_path):
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "__init__.py").write_text("raise RuntimeError('a stranger')")
    write_verdict(tmp_path / "a verdict.json", Verdict(check="analysis", passed=False, reason="it learns"))

    done = pluszero("gate", "a verdict.json", cwd=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (1, "", "analysis: it learns\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["promot", "pets"], "error: pluszero must be given one of its commands, got 'promot': did you mean promote? "),
        (["x"], "error: pluszero must be given one of its commands, got 'x': pluszero --help lists them"),
    ],
)
def test_an_unknown_command_is_told_in_one_sentence(capsys, arguments, sentence):
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(sentence)
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(("name", "folder"), [("run", ".venv"), ("validate", ".venv-validation")])
def test_an_environment_that_is_not_there_is_told_in_one_sentence(capsys, monkeypatch, tmp_path, name, folder):
    monkeypatch.setattr(environments, "REPOSITORY", tmp_path)
    assert main([name, "--help"]) == 2
    sentence = f"the environment {folder} must be there, but there is none at {tmp_path / folder}: run make setup"
    assert capsys.readouterr().err == f"error: {sentence} in a clone of the project\n"
