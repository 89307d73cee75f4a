"""A config refuses what makes no sense, and takes what a problem file changes."""

from dataclasses import replace

import pytest

from components.modeling.backbone_config import BackboneConfig
from components.training.recipes import full
from components.training.training_config import overridden, training_changes, training_config_from

CONFIG = full(BackboneConfig(name="small_cnn"))
OWN = full(BackboneConfig(name="team.models:build"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_epochs": 0}, "max_epochs must be a whole number of at least 1, got 0"),
        ({"batch_size": 1}, "batch_size must be a whole number of at least 2, got 1"),
        ({"accumulation_passes": 0}, "accumulation_passes must be a whole number of at least 1, got 0"),
        ({"num_processes": 0}, "num_processes must be a whole number of at least 1, got 0"),
        ({"label_smoothing": 1.0}, "label_smoothing must be a number from 0 to below 1, got 1.0"),
        ({"warm_up_share": -0.1}, "warm_up_share must be a number from 0 to below 1"),
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0, got 0.0"),
        ({"max_gradient_norm": 0.0}, "max_gradient_norm must be a number above 0, got 0.0"),
        ({"precision": "int8"}, "precision must be one of auto, fp32, bf16, fp16, got 'int8'"),
        ({"class_weighting": "sqrt"}, "class_weighting must be one of none, balanced, got 'sqrt'"),
    ],
)
def test_a_wrong_setting_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **change)
    with pytest.raises(ValueError, match=rf"training\.{message}"):
        overridden(CONFIG, change)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 3}, "unknown key 'training.epochs'; known keys are max_epochs"),
        ({"backbone": "mlp"}, "unknown key 'training.backbone'"),
        ({"max_examples": 5}, "unknown key 'training.max_examples'"),
        ({"max_epochs": 3.5}, "training.max_epochs must be a whole number of at least 1, got 3.5"),
        ({"learning_rate": "fast"}, "training.learning_rate must be a number above 0, got 'fast'"),
        ({"compile": 1}, "training.compile must be true or false, got 1"),
        ({"learning_rate": "1e-3"}, "training.learning_rate must be a number above 0, got '1e-3'"),
        ({"options": {"width": 8}}, "training.options must be left out where the backbone is small_cnn, got 'width'"),
        ({"options": 3}, "training.options must be a mapping of keys to values, got 3"),
    ],
)
def test_a_key_that_is_no_setting_or_a_value_of_another_kind_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        overridden(CONFIG, settings)


def test_what_the_problem_file_says_comes_before_the_recipe():
    settings = {"learning_rate": 1, "max_gradient_norm": None, "options": {"width": 8}}
    config = overridden(OWN, settings)
    assert config.learning_rate == 1
    assert config.backbone.options == {"width": 8}
    assert config.max_epochs == OWN.max_epochs
    assert overridden(CONFIG, {}) == CONFIG


@pytest.mark.parametrize(
    "text", ["{learning_rate: 1e-3, batch_size: 1E2}", '{"learning_rate": 0.001, "batch_size": 100}']
)
def test_numbers_are_the_same_however_they_are_written(text):
    assert training_changes(text) == {"learning_rate": 0.001, "batch_size": 100}


def test_a_key_left_empty_keeps_what_the_recipe_says_unless_none_is_a_setting():
    assert training_changes("batch_size:\nmax_gradient_norm:") == {"max_gradient_norm": None}


def test_a_config_survives_json():
    config = overridden(OWN, {"options": {"width": 8}})
    assert training_config_from(config.to_dict()) == config
