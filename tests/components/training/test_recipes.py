"""Recipes."""

from dataclasses import replace

import pytest

from components.modeling.backbone_config import BackboneConfig
from components.training.recipes import fine_tune, full, recipe_config, RECIPES, smoke

PRETRAINED = BackboneConfig(name="efficientnet_lite0", pretrained=True, frozen=True)


def test_smoke_differs_from_full_in_size_alone():
    sizes = {"max_epochs": 1, "max_examples": 64, "batch_size": 16}
    assert smoke(PRETRAINED) == replace(full(PRETRAINED), **sizes)


def test_fine_tuning_thaws_the_backbone_and_steps_gently():
    assert not fine_tune(PRETRAINED).backbone.frozen
    assert fine_tune(PRETRAINED).learning_rate < full(PRETRAINED).learning_rate


@pytest.mark.parametrize("name", sorted(set(RECIPES) - {"fine_tune"}))
def test_recipes_fit_every_backbone(name):
    for backbone in (PRETRAINED, BackboneConfig(name="small_cnn"), BackboneConfig(name="timm:resnet18")):
        assert recipe_config(name, backbone).backbone == backbone


def test_both_bags_of_tokens_are_trained_alike():
    ngrams, subwords = (BackboneConfig(name=name) for name in ("char_ngrams", "subwords"))
    assert replace(full(subwords), backbone=ngrams) == full(ngrams)


def test_there_is_nothing_to_fine_tune_in_random_weights():
    with pytest.raises(ValueError, match=r"must have a pretrained backbone .* got small_cnn: use full"):
        recipe_config("fine_tune", BackboneConfig(name="small_cnn"))


def test_an_unknown_recipe_is_refused():
    with pytest.raises(ValueError, match="recipe must be one of full, fine_tune, smoke, got 'quick'"):
        recipe_config("quick", PRETRAINED)


@pytest.mark.parametrize("change", [{"max_epochs": 0}, {"batch_size": 1}, {"learning_rate": 0.0}])
def test_settings_that_cannot_train_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(full(PRETRAINED), **change)
