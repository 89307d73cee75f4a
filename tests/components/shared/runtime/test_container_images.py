import pytest

from components.shared.runtime.container_images import (
    ALL_IMAGE_NAMES,
    image,
    image_name,
    image_pull_secrets,
    image_version,
)

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    monkeypatch.delenv("PLUSZERO_IMAGE_REGISTRY", raising=False)
    monkeypatch.delenv("PLUSZERO_IMAGE_TAG", raising=False)
    monkeypatch.delenv("PLUSZERO_IMAGE_LIST", raising=False)
    monkeypatch.delenv("PLUSZERO_IMAGE_PULL_SECRETS", raising=False)


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """Makes a list of images, and names it."""

    def make(*lines):
        path = tmp_path / "images.txt"
        path.write_text("\n".join(lines), encoding="utf-8")
        monkeypatch.setenv("PLUSZERO_IMAGE_LIST", str(path))

    return make


def test_names_have_a_default_registry_and_tag():
    assert [image(name) for name in ALL_IMAGE_NAMES] == [
        "localhost/pluszero-mlops-validation:dev",
        "localhost/pluszero-mlops-training:dev",
        "localhost/pluszero-mlops-serving:dev",
        "localhost/pluszero-mlops-serving-cpu:dev",
    ]


@pytest.mark.parametrize("name", ALL_IMAGE_NAMES)
def test_an_images_short_name_is_read_from_its_reference(name):
    for reference in (image(name), f"registry.example:5000/team/pluszero-mlops-{name}@{DIGEST}"):
        assert image_name(reference) == name


def test_registry_and_tag_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("PLUSZERO_IMAGE_REGISTRY", "registry.example.org/team/")
    monkeypatch.setenv("PLUSZERO_IMAGE_TAG", "0a1b2c3")
    assert image("training") == "registry.example.org/team/pluszero-mlops-training:0a1b2c3"


@pytest.mark.parametrize("tag", ["latest", ""])
def test_a_tag_that_moves_is_refused(monkeypatch, tag):
    monkeypatch.setenv("PLUSZERO_IMAGE_TAG", tag)
    with pytest.raises(ValueError, match=f"PLUSZERO_IMAGE_TAG must be a commit id or a release, got '{tag}'"):
        image("training")


def test_an_unknown_image_is_refused():
    with pytest.raises(ValueError, match=r"image name must be one of .*, got 'gpu'"):
        image("gpu")


def test_a_list_of_images_says_registry_tag_and_digest(listed, monkeypatch):
    monkeypatch.setenv("PLUSZERO_IMAGE_TAG", "not-asked")
    listed(*(f"registry.example/team/pluszero-mlops-{name}:v0.1.0@{DIGEST}" for name in ALL_IMAGE_NAMES))
    assert image("serving-cpu") == f"registry.example/team/pluszero-mlops-serving-cpu:v0.1.0@{DIGEST}"
    assert image("serving") == f"registry.example/team/pluszero-mlops-serving:v0.1.0@{DIGEST}"
    assert image_version() == "v0.1.0"


def test_a_list_may_name_images_by_digest_or_by_tag_alone(listed):
    listed(f"r.example/pluszero-mlops-training@{DIGEST}", "r.example:5000/pluszero-mlops-serving:v0.1.0")
    assert image("training") == f"r.example/pluszero-mlops-training@{DIGEST}"
    assert image("serving") == "r.example:5000/pluszero-mlops-serving:v0.1.0"
    assert image_version() == "0123456789ab"


def test_without_a_list_the_version_is_the_tag(monkeypatch):
    monkeypatch.setenv("PLUSZERO_IMAGE_TAG", "0a1b2c3")
    assert image_version() == "0a1b2c3"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "must name the image pluszero-mlops-training once, by registry, tag and digest, but names it 0 times"),
        ([f"r.example/pluszero-mlops-training@{DIGEST}"] * 2, "but names it 2 times"),
        ([f"r.example/pluszero-mlops-training@{DIGEST[:-1]}"], "but names it 0 times"),
        (["r.example/pluszero-mlops-training:latest"], "by a digest, or by a commit id or a release, got r.example/"),
        (["r.example/pluszero-mlops-training"], "by a digest, or by a commit id or a release, got r.example/"),
    ],
)
def test_a_list_that_does_not_fix_an_image_is_refused(listed, lines, sentence):
    listed(*lines)
    with pytest.raises(ValueError, match=sentence):
        image("training")


def test_a_list_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setenv("PLUSZERO_IMAGE_LIST", "/nowhere/images.txt")
    with pytest.raises(FileNotFoundError, match="PLUSZERO_IMAGE_LIST must name a list of images, but /nowhere"):
        image("training")


@pytest.mark.parametrize(("text", "names"), [("", ()), ("regcred", ("regcred",)), ("a, b.c ,d", ("a", "b.c", "d"))])
def test_pull_secrets_come_from_the_environment(monkeypatch, text, names):
    monkeypatch.setenv("PLUSZERO_IMAGE_PULL_SECRETS", text)
    assert image_pull_secrets() == names


def test_what_is_no_secrets_name_is_refused(monkeypatch):
    monkeypatch.setenv("PLUSZERO_IMAGE_PULL_SECRETS", "Regcred")
    with pytest.raises(ValueError, match=r"PLUSZERO_IMAGE_PULL_SECRETS must name secrets .*, got 'Regcred'"):
        image_pull_secrets()
