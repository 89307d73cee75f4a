"""A config refuses what makes no sense, and takes what a problem file changes."""

from dataclasses import replace

import pytest
import yaml

from components.modeling.backbone_config import BackboneConfig
from components.training.recipes import full
from components.training.training_config import overridden, training_config_from

CONFIG = full(BackboneConfig(name="small_cnn"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_epochs": 0}, "max_epochs must be at least 1, got 0"),
        ({"batch_size": 1}, "batch_size must be at least 2, got 1"),
        ({"accumulation_passes": 0}, "accumulation_passes must be at least 1, got 0"),
        ({"num_processes": 0}, "num_processes must be at least 1, got 0"),
        ({"label_smoothing": 1.0}, "label_smoothing must lie in 0 to below 1, got 1.0"),
        ({"warm_up_share": -0.1}, "warm_up_share must lie in 0 to below 1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"max_gradient_norm": 0.0}, "max_gradient_norm must be above 0, got 0.0"),
        ({"precision": "int8"}, "precision must be one of auto, fp32, bf16, fp16, got 'int8'"),
        ({"class_weighting": "sqrt"}, "class_weighting must be one of none, balanced, got 'sqrt'"),
    ],
)
def test_a_wrong_setting_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **change)
    with pytest.raises(ValueError, match=f"the section training of the problem file: {message}"):
        overridden(CONFIG, change)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 3}, "unknown key 'training.epochs'; known keys are max_epochs"),
        ({"backbone": "mlp"}, "unknown key 'training.backbone'"),
        ({"max_examples": 5}, "unknown key 'training.max_examples'"),
        ({"max_epochs": 3.5}, "training.max_epochs must be a whole number, got 3.5"),
        ({"learning_rate": "fast"}, "training.learning_rate must be a number, got 'fast'"),
        ({"compile": 1}, "training.compile must be true or false, got 1"),
        ({"batch_size": None}, "training.batch_size must be a value, got None"),
        ({"options": 3}, "training.options must be a mapping, got 3"),
    ],
)
def test_a_key_that_is_no_setting_or_a_value_of_another_kind_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        overridden(CONFIG, settings)


def test_what_the_problem_file_says_comes_before_the_recipe():
    settings = {"learning_rate": 1, "max_gradient_norm": None, "options": {"width": 8}}
    config = overridden(CONFIG, settings)
    assert config.learning_rate == 1
    assert config.backbone.options == {"width": 8}
    assert config.max_epochs == CONFIG.max_epochs
    assert overridden(CONFIG, {}) == CONFIG


def test_numbers_that_yaml_takes_for_text_are_numbers():
    settings = yaml.safe_load("{learning_rate: 1e-3, max_gradient_norm: 5}")
    assert settings["learning_rate"] == "1e-3"
    config = overridden(CONFIG, settings)
    assert (config.learning_rate, config.max_gradient_norm) == (0.001, 5)


def test_a_config_survives_json():
    config = overridden(CONFIG, {"options": {"width": 8}})
    assert training_config_from(config.to_dict()) == config
