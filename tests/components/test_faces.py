"""One contract for every KFP face: thin, documented, from our images, with nothing installed at start."""

import ast
import importlib
import inspect
from pathlib import Path
import re

from kfp import compiler
from kfp.dsl.python_component import PythonComponent
import pytest

from components.shared.runtime.container_images import image, IMAGE_NAMES
from pipelines.local.environments import interpreter_of
from pipelines.local.face_jobs import job_module
from tests.components.face_sources import faces_of

REPOSITORY = Path(__file__).resolve().parents[2]
MAX_BODY_LINES = 12
FAMILIES = sorted(path.parent.name for path in (REPOSITORY / "components").glob("*/component.py"))


def faces():
    for family in FAMILIES:
        module = importlib.import_module(f"components.{family}.component")
        for name, value in vars(module).items():
            if isinstance(value, PythonComponent):
                yield pytest.param(family, name, value, id=f"{family}.{name}")


ALL_FACES = list(faces())


def definition(face) -> ast.FunctionDef:
    source = inspect.getsource(inspect.getmodule(face.python_func))
    tree = ast.parse(source)
    return next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == face.python_func.__name__
    )


def lazy_imports(face) -> list[ast.ImportFrom]:
    return [node for node in ast.walk(definition(face)) if isinstance(node, ast.ImportFrom)]


def executor(face, folder: Path) -> dict:
    import yaml

    target = folder / "face.yaml"
    compiler.Compiler().compile(face, str(target))
    spec = next(yaml.safe_load_all(target.read_text()))
    [found] = spec["deploymentSpec"]["executors"].values()
    return found["container"]


def test_every_family_has_a_face():
    assert {parameter.values[0] for parameter in ALL_FACES} == set(FAMILIES)
    assert len(ALL_FACES) >= len(FAMILIES) >= 7


@pytest.mark.parametrize(("family", "name", "face"), ALL_FACES)
class TestEveryFace:
    def test_its_body_is_thin_and_straight(self, family, name, face):
        function = definition(face)
        statements = function.body[1:]
        lines = statements[-1].end_lineno - statements[0].lineno + 1
        assert lines <= MAX_BODY_LINES
        branches = (ast.If, ast.For, ast.While, ast.Try, ast.IfExp, ast.comprehension)
        assert not [node for node in ast.walk(function) if isinstance(node, branches)]

    def test_every_parameter_is_documented(self, family, name, face):
        text = face.python_func.__doc__
        for parameter in inspect.signature(face.python_func).parameters:
            assert re.search(rf"^    {parameter}\n        \S", text, re.MULTILINE), parameter

    def test_every_output_is_described_in_the_yaml(self, family, name, face, tmp_path):
        import yaml

        target = tmp_path / "face.yaml"
        compiler.Compiler().compile(face, str(target))
        [component] = next(yaml.safe_load_all(target.read_text()))["components"].values()
        outputs = component.get("outputDefinitions", {})
        for kind in ("artifacts", "parameters"):
            for output, definition_ in outputs.get(kind, {}).items():
                assert definition_.get("description"), output

    def test_it_calls_the_job_of_its_name_in_its_own_family(self, family, name, face):
        [node] = lazy_imports(face)
        assert node.module == job_module(name)
        assert node.module.startswith(f"components.{family}.jobs")
        assert name in [alias.name for alias in node.names]

    def test_it_compiles_to_one_of_our_images_and_installs_nothing(self, family, name, face, tmp_path):
        container = executor(face, tmp_path)
        assert container["image"] in {image(known) for known in IMAGE_NAMES}
        assert "pip install" not in " ".join(container["command"] + container.get("args", []))


def test_its_job_can_be_imported_where_its_image_is_this_environment():
    """Those of the validation image's environment: tests/components/data_validation/test_face_imports.py."""
    here = [module for module in faces_of(REPOSITORY) if module.image != "validation"]
    assert {interpreter_of(image(face.image)) for face in here} == {interpreter_of(image("training"))}
    for face in here:
        assert callable(face.imported_job())


def test_the_sources_say_which_faces_there_are_and_which_image_each_runs_in(tmp_path):
    read = {(face.name, image(face.image)) for face in faces_of(REPOSITORY)}
    compiled = {(name, executor(face, tmp_path)["image"]) for _, name, face in (each.values for each in ALL_FACES)}
    assert read == compiled
