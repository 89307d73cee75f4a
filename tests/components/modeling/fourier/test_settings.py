"""What a problem file may say of frequencies."""

import json

import pytest

from components.modeling.fourier.settings import fourier_settings_from, FourierSettings
from components.shared.runtime.errors import ContractError


@pytest.mark.parametrize(
    "settings",
    [
        FourierSettings(),
        FourierSettings(filter="low_pass", high=0.5),
        FourierSettings(filter="high_pass", low=0.1, spectrum_bins=8),
        FourierSettings(filter="band_pass", low=0.1, high=1.0),
    ],
)
def test_settings_come_back_from_json(settings):
    assert fourier_settings_from(json.loads(json.dumps(settings.to_dict()))) == settings


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"filter": "notch"}, "fourier.filter must be one of none, low_pass, high_pass, band_pass, got 'notch'"),
        ({"cutoff": 0.5}, "unknown key 'fourier.cutoff'; known keys are filter, low, high, spectrum_bins"),
        ({"filter": "low_pass"}, "fourier.high must be a share of the Nyquist frequency, above 0 to 1, .* got none"),
        ({"filter": "low_pass", "high": 2}, "fourier.high must be a share of the Nyquist frequency"),
        ({"filter": "high_pass", "low": True}, "fourier.low must be a share of the Nyquist frequency"),
        ({"filter": "high_pass", "low": float("nan")}, "fourier must be plain values"),
        (
            {"filter": "low_pass", "high": 0.5, "low": 0.1},
            "fourier.low must be left out where fourier.filter is low_pa",
        ),
        ({"high": 0.5}, "fourier.high must be left out where fourier.filter is none, got 0.5"),
        ({"filter": "band_pass", "low": 0.5, "high": 0.2}, "fourier.low must be below fourier.high, got 0.5 and 0.2"),
        ({"spectrum_bins": -1}, "fourier.spectrum_bins must be a whole number from 0 to 256, got -1"),
        ({"spectrum_bins": 4.5}, "fourier.spectrum_bins must be a whole number"),
        (["low_pass"], "fourier must be a mapping"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(content, sentence):
    with pytest.raises(ContractError, match=sentence):
        fourier_settings_from(content)
