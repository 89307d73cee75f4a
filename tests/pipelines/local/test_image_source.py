"""The digest of an image changes with everything that goes into it, and with nothing else."""

import shutil

import pytest

from components.shared.runtime.container_images import IMAGE_NAMES
from pipelines.local import image_source as module
from pipelines.local.image_source import image_source, requirement_files


@pytest.fixture
def tree(repository, tmp_path, monkeypatch):
    """A copy of what images are made of."""
    for folder in ("components", "docker"):
        shutil.copytree(repository / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "REPOSITORY", tmp_path)
    return tmp_path


def changed(change):
    before = {name: image_source(name) for name in IMAGE_NAMES}
    change()
    return {name for name in IMAGE_NAMES if image_source(name) != before[name]}


def appended(path, text="\n"):
    return lambda: path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "images"),
    [
        ("components/shared/runtime/container_images.py", set(IMAGE_NAMES)),
        ("docker/install", set(IMAGE_NAMES)),
        ("docker/installer.txt", set(IMAGE_NAMES)),
        ("docker/training.txt", {"training"}),
        ("docker/serving.Dockerfile", {"serving"}),
        ("docker/validation.txt", {"validation"}),
        ("docker/torch-cu13.txt", {"training", "serving"}),
    ],
)
def test_a_changed_file_changes_the_images_that_hold_it(tree, file, images):
    assert changed(appended(tree / file)) == images


def test_a_new_module_changes_every_image(tree):
    assert changed(lambda: (tree / "components" / "new.py").write_text("", encoding="utf-8")) == set(IMAGE_NAMES)


def test_compiled_code_changes_nothing(tree):
    assert changed(lambda: (tree / "components" / "new.pyc").write_bytes(b"")) == set()


@pytest.mark.parametrize("name", IMAGE_NAMES)
def test_every_file_that_decides_an_image_is_there(name):
    assert all(path.is_file() for path in requirement_files(name))
