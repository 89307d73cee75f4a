import pytest

from components.shared.runtime.container_images import image, IMAGE_NAMES


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    monkeypatch.delenv("PLUSZERO_IMAGE_REGISTRY", raising=False)
    monkeypatch.delenv("PLUSZERO_IMAGE_TAG", raising=False)


def test_names_have_a_default_registry_and_tag():
    assert [image(name) for name in IMAGE_NAMES] == [
        "localhost/pluszero-mlops-validation:dev",
        "localhost/pluszero-mlops-training:dev",
        "localhost/pluszero-mlops-serving:dev",
    ]


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
