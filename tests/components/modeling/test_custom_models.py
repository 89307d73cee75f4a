"""A team's own model: a function by its import path, where it is allowed."""

import sys

import pytest
import torch

from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.images.features import ImageFeatures
from components.shared.runtime.custom_code import ALLOWED_VARIABLE, custom_code_fingerprint
from components.shared.runtime.errors import ContractError

FEATURES = ImageFeatures(image_size=8)
CODE = """
import torch
from torch import nn

def build(config):
    width = config.options.get("width", 4)
    side = config.features.image_size
    hidden = nn.Linear(3 * side * side, width)
    return nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), nn.Linear(width, config.num_classes))

def without_head(config):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())

def of_three(config):
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 3))

def nothing(config):
    return None
"""


@pytest.fixture
def allowed(tmp_path, monkeypatch):
    """A module of a team's, whose functions may be named."""
    (tmp_path / "team_code.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "team_code", raising=False)

    def allow(*names):
        monkeypatch.setenv(ALLOWED_VARIABLE, ", ".join(f"team_code:{name}" for name in names))

    allow("build", "without_head", "of_three", "nothing")
    return allow


def built(name, *, num_classes=2, options=None):
    config = BackboneConfig(name=f"team_code:{name}", options=options or {})
    return build_classifier(config, FEATURES, num_classes=num_classes, load_pretrained=True)


def test_it_gives_logits_and_what_its_last_layer_sees(allowed):
    classifier = built("build", options={"width": 6}).eval()
    images = torch.rand(5, 3, 8, 8)
    embeddings, logits = classifier.embed_and_score(images)
    assert embeddings.shape == (5, 6)
    torch.testing.assert_close(classifier.network[3](embeddings), logits)
    torch.testing.assert_close(classifier(images), logits)


def test_without_a_linear_head_the_logits_are_the_embedding(allowed):
    embeddings, logits = built("without_head", num_classes=3).embed_and_score(torch.rand(2, 3, 8, 8))
    assert torch.equal(embeddings, logits)


def test_other_outputs_than_logits_are_refused(allowed):
    with pytest.raises(ContractError, match=r"must return logits of the shape \(4, 2\), got \(4, 3\)"):
        built("of_three")(torch.rand(4, 3, 8, 8))


def test_a_function_that_is_not_allowed_is_never_imported(allowed, tmp_path):
    (tmp_path / "harmful.py").write_text("raise SystemExit('it was run')")
    config = BackboneConfig(name="harmful:build")
    with pytest.raises(ValueError, match=r"set PLUSZERO_OWN_CODE=harmful:build .*; it is team_code:build, "):
        build_classifier(config, FEATURES, num_classes=2, load_pretrained=False)
    allowed()
    with pytest.raises(ValueError, match="it is empty"):
        built("build")


@pytest.mark.parametrize(
    ("name", "message"),
    [("nothing", "must return a torch.nn.Module, got NoneType"), ("absent", "must be a function that can be imported")],
)
def test_a_function_that_is_not_there_or_builds_nothing_is_told(allowed, name, message):
    allowed(name)
    with pytest.raises(ValueError, match=message):
        built(name)


def test_the_fingerprint_follows_the_code(allowed, tmp_path):
    before = custom_code_fingerprint("team_code:build")
    assert custom_code_fingerprint("team_code:of_three") == before
    (tmp_path / "team_code.py").write_text(CODE + "\nCHANGED = 1\n")
    assert custom_code_fingerprint("team_code:build") != before
    assert custom_code_fingerprint("small_cnn") is None
