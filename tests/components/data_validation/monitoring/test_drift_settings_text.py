import json

import pytest

from components.data_validation.monitoring.drift_settings_text import parse_settings, settings_text
from components.drift.drift_settings import DriftSettings


@pytest.mark.parametrize("text", ["", "  \n", "# nothing"])
def test_no_text_gives_the_defaults(text):
    assert parse_settings(text) == DriftSettings()


@pytest.mark.parametrize(
    "text", ["material_effect: 0.2\nmin_sample: 500", '{"min_sample": 500, "material_effect": 0.2}']
)
def test_yaml_and_json_say_the_same(text):
    assert parse_settings(text) == DriftSettings(material_effect=0.2, min_sample=500)


def test_equal_settings_have_one_spelling_which_can_be_read_again():
    one, other = parse_settings("{material_effect: 0.2, seed: 1}"), parse_settings("seed: 1\nmaterial_effect: 0.2")
    assert settings_text(one) == settings_text(other)
    assert parse_settings(settings_text(one)) == one
    assert json.loads(settings_text(one))["min_sample"] == DriftSettings().min_sample


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[1, 2]", r"^the drift settings must be a mapping of keys to values, got \[1, 2\]"),
        (
            "alarm_rate: 0.1",
            "unknown key 'alarm_rate'; known keys are false_alarm_rate, .*; did you mean 'false_alarm_rate'",
        ),
        ("min_sample: 0.5", r"the drift settings: min_sample must be a whole number of at least 16, got 0\.5"),
        ("material_effect: much", "the drift settings: material_effect must be a number from 0 to 1, got 'much'"),
        ("seed: true", "the drift settings: seed must be a whole number of at least 0, got True"),
        ("false_alarm_rate: 2", "the drift settings: false_alarm_rate must be a number above 0 and below 1, got 2"),
        (
            "material_effect: 0.1\nfalse_alarm_rate: 1e-4",
            "settings: num_permutations must be at least 9999 for a false",
        ),
        ("{a: ", "the drift settings must be YAML or JSON"),
    ],
)
def test_what_is_no_setting_is_one_sentence(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse_settings(text)
