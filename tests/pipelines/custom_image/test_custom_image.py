"""A team's images hold its code and nothing else, run as nobody, and are built only where the code imports."""

import json
import stat
import sys

import pytest
from typer.testing import CliRunner

from components.shared.runtime.container_images import image
from pipelines.__main__ import app
from pipelines.custom_image.build import containerfile, Target, write_context
from pipelines.custom_image.code import CustomCode

DIGEST = "sha256:" + "0123456789abcdef" * 4
MODEL = "from components.shared.runtime.custom_code import is_import_path\n\n\ndef build(config):\n    return None\n"
# Keeps what it was asked and given, and pushes as docker does.
ENGINE = f"""
import json, shutil
from pathlib import Path
if sys.argv[1] == "build":
    here = Path(__file__).parent
    with open(here / "builds", "a") as builds:
        builds.write(json.dumps(sys.argv[1:]) + chr(10))
    shutil.copytree(sys.argv[-1], here / "context", dirs_exist_ok=True)
if sys.argv[1] == "push":
    print("digest: {DIGEST} size: 1")
"""
REFUSING_ENGINE = """
if sys.argv[1] == "build":
    sys.exit("ValueError: team_models:build must be a function that can be imported, but: No module named 'rare'")
"""


@pytest.fixture
def team(tmp_path):
    folder = tmp_path / "team"
    (folder / "parts").mkdir(parents=True)
    (folder / "team_models.py").write_text(MODEL, encoding="utf-8")
    (folder / "team_models.py").chmod(0o600)
    (folder / "parts" / "words.txt").write_text("words", encoding="utf-8")
    (folder / ".env").write_text("PASSWORD=1", encoding="utf-8")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "team_models.pyc").write_bytes(b"")
    return folder


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A folder that is the whole PATH, with an engine; the project's images by tag."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PLUSZERO_IMAGE_TAG", "v1.2.3")
    for name in ("PLUSZERO_IMAGE_LIST", "PLUSZERO_IMAGE_REGISTRY", "PLUSZERO_OWN_CODE"):
        monkeypatch.delenv(name, raising=False)

    def put(script):
        program = folder / "docker"
        program.write_text(f"#!{sys.executable}\nimport sys\n{script}\n", encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return folder

    return put


def built(team, *words, function="team_models:build"):
    output = team.parent / "build" / "images.txt"
    command = ["image", "--code", str(team), "--function", function, "--output", str(output), *words]
    return CliRunner().invoke(app, command), output


def code_of(folder, *functions):
    return CustomCode(folder=folder, functions=functions or ("team_models:build",))


def test_a_context_holds_the_code_readable_by_all_and_no_hidden_file(team, tmp_path, monkeypatch):
    monkeypatch.setenv("PLUSZERO_IMAGE_TAG", "v1.2.3")
    monkeypatch.delenv("PLUSZERO_IMAGE_LIST", raising=False)
    context = tmp_path / "context"
    context.mkdir()
    write_context(context, code_of(team))
    files = {file.relative_to(context).as_posix() for file in context.rglob("*") if file.is_file()}
    assert files == {
        "Containerfile.training",
        "Containerfile.serving",
        "code/team_models.py",
        "code/parts/words.txt",
    }
    assert (context / "code" / "team_models.py").stat().st_mode & 0o777 == 0o644
    assert (context / "Containerfile.training").read_text(encoding="utf-8").splitlines()[:4] == [
        f"FROM {image('training')}",
        "USER 10001:10001",
        "COPY code/ /opt/team/",
        "ENV PYTHONPATH=/opt/pluszero:/opt/team PLUSZERO_OWN_CODE=team_models:build",
    ]


def test_a_base_is_named_by_its_digest_alone_and_the_functions_are_imported_in_the_image():
    text = containerfile(f"registry.example:5000/a/pluszero-mlops-training:v1@{DIGEST}", ("a:b", "c.d:e"))
    lines = text.splitlines()
    assert lines[0] == f"FROM registry.example:5000/a/pluszero-mlops-training@{DIGEST}"
    assert lines[3].endswith(" PLUSZERO_OWN_CODE=a:b,c.d:e")
    run = json.loads(lines[4].removeprefix("RUN "))
    assert (run[:2], run[3:]) == (["python", "-c"], ["a:b", "c.d:e"])


def test_a_package_is_copied_under_its_own_name(team, tmp_path):
    (team / "__init__.py").touch()
    code = code_of(team, "team.team_models:build")
    assert [name for name, _ in code.files()] == ["team/__init__.py", "team/parts/words.txt", "team/team_models.py"]
    code.copy_to(tmp_path / "copied")
    code.check_imports(tmp_path / "copied")


def test_the_tag_changes_with_the_code_and_what_of_it_may_run(team, monkeypatch):
    monkeypatch.setenv("PLUSZERO_IMAGE_TAG", "v1.2.3")
    monkeypatch.delenv("PLUSZERO_IMAGE_LIST", raising=False)
    target = Target(registry="registry.example/team/")
    before = target.reference("training", code_of(team))
    assert before.startswith("registry.example/team/pluszero-mlops-training:v1.2.3-")
    (team / ".env").write_text("PASSWORD=2", encoding="utf-8")
    assert target.reference("training", code_of(team)) == before
    assert target.reference("training", code_of(team, "team_models:other")) != before
    (team / "parts" / "words.txt").write_text("other words", encoding="utf-8")
    assert target.reference("training", code_of(team)) != before


def test_both_images_are_built_and_listed_beside_the_projects_own(team, tools):
    bin_folder = tools(ENGINE)
    result, output = built(team)
    assert result.exit_code == 0, result.output + str(result.exception)
    tag = Target(registry="localhost").reference("training", code_of(team)).rpartition(":")[2]
    assert output.read_text(encoding="utf-8").splitlines() == [
        "localhost/pluszero-mlops-validation:v1.2.3",
        f"localhost/pluszero-mlops-training:{tag}",
        f"localhost/pluszero-mlops-serving:{tag}",
        "localhost/pluszero-mlops-serving-cpu:v1.2.3",
    ]
    builds = [json.loads(line) for line in (bin_folder / "builds").read_text(encoding="utf-8").splitlines()]
    assert [build[build.index("--tag") + 1] for build in builds] == output.read_text().splitlines()[1:3]
    assert (bin_folder / "context" / "code" / "team_models.py").read_text(encoding="utf-8") == MODEL


def test_pushed_images_are_named_by_digest_from_a_releases_list(team, tools, tmp_path):
    tools(ENGINE)
    names = ("validation", "training", "serving", "serving-cpu")
    release = [f"registry.example/us/pluszero-mlops-{name}:v1.2.3@{DIGEST}" for name in names]
    (tmp_path / "images.txt").write_text("\n".join(release), encoding="utf-8")
    words = ["--images", str(tmp_path / "images.txt"), "--registry", "registry.example/team", "--tag", "one", "--push"]
    with pytest.MonkeyPatch.context() as patched:
        # The command sets it for what it imports.
        patched.setenv("PLUSZERO_IMAGE_LIST", "")
        result, output = built(team, *words)
    assert result.exit_code == 0, result.output + str(result.exception)
    assert output.read_text(encoding="utf-8").splitlines() == [
        release[0],
        f"registry.example/team/pluszero-mlops-training:one@{DIGEST}",
        f"registry.example/team/pluszero-mlops-serving:one@{DIGEST}",
        release[3],
    ]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (
            "team_models:biuld",
            "team must be importable: team_models:biuld must be a function that can be imported, but",
        ),
        ("team_model:build", "No module named 'team_model'"),
        ("team_models", "--function must name what may run, team_models:build for one, got 'team_models'"),
    ],
)
def test_code_that_does_not_import_is_refused_before_an_image_is_built(team, tools, function, sentence):
    bin_folder = tools(ENGINE)
    result, output = built(team, function=function)
    assert sentence in str(result.exception)
    assert not (bin_folder / "builds").exists()
    assert not output.exists()


def test_code_that_imports_here_and_not_in_the_image_is_said_so(team, tools):
    tools(REFUSING_ENGINE)
    result, output = built(team)
    assert "for its code does not import there" in str(result.exception)
    assert "No module named 'rare'" in str(result.exception)
    assert not output.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--push"], "must be pushed to a registry: name it by --registry or PLUSZERO_IMAGE_REGISTRY"),
        (["--tag", "latest"], "--tag must be letters, digits, points and hyphens, and not latest, got 'latest'"),
        (["--tag", "a b"], "--tag must be letters"),
    ],
)
def test_a_wrong_word_on_the_command_line_is_one_sentence(team, tools, words, sentence):
    tools(ENGINE)
    result, _ = built(team, *words)
    assert isinstance(result.exception, ValueError)
    assert sentence in str(result.exception)


@pytest.mark.parametrize("aim", ["outside.txt", "parts"])
def test_a_link_that_a_build_would_miss_is_refused(team, aim):
    (team.parent / "outside.txt").touch()
    (team / "link").symlink_to(team.parent / aim if aim.endswith(".txt") else team / aim)
    with pytest.raises(ValueError, match=f"link must be a file of the folder, but is a link to .*{aim}: copy it"):
        list(code_of(team).files())


def test_a_folder_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="--code must be a folder, but there is none at"):
        code_of(tmp_path / "none")
