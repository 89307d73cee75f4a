"""Drift settings as text: what a form or a file says, and the one spelling in which steps pass them on."""

from dataclasses import asdict
import json

from components.drift.drift_settings import DriftSettings
from components.shared.runtime.settings import parse_settings as parse_any_settings


def parse_settings(text: str) -> DriftSettings:
    """Drift settings from YAML or JSON, a mapping of `DriftSettings`' names to values; empty gives the defaults.

    `ContractError` if the text is no such mapping, a name is unknown, or a value cannot be used.
    """
    return parse_any_settings(DriftSettings, text, where="the drift settings")


def settings_text(settings: DriftSettings) -> str:
    """The settings as canonical JSON: equal settings give equal text, whatever spelling they came in."""
    return json.dumps(asdict(settings), sort_keys=True)
