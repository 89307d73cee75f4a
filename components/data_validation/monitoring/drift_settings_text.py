"""Drift settings as text: what a form or a file says, and the one spelling in which steps pass them on."""

from collections.abc import Mapping
from dataclasses import asdict, fields
import json
from typing import Any

import yaml

from components.drift.drift_settings import DriftSettings


def parse_settings(text: str) -> DriftSettings:
    """Drift settings from YAML or JSON, a mapping of `DriftSettings`' names to values; empty gives the defaults.

    `ValueError` if the text is no such mapping, a name is unknown, or a value cannot be used.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"the drift settings must be YAML or JSON: {' '.join(str(error).split())}") from error
    if content is None:
        return DriftSettings()
    known = {item.name: item.default for item in fields(DriftSettings)}
    if not isinstance(content, Mapping):
        raise ValueError(f"the drift settings must be a mapping with names of {', '.join(known)}, got {content!r}")
    for name, value in content.items():
        if name not in known:
            raise ValueError(f"the drift settings must be of {', '.join(known)}, got {name!r}")
        _check_number(name, value, whole=isinstance(known[name], int))
    try:
        return DriftSettings(**content)
    except ValueError as error:
        raise ValueError(f"the drift settings are not usable: {error}") from error


def settings_text(settings: DriftSettings) -> str:
    """The settings as canonical JSON: equal settings give equal text, whatever spelling they came in."""
    return json.dumps(asdict(settings), sort_keys=True)


def _check_number(name: str, value: Any, *, whole: bool) -> None:
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise ValueError(f"the drift setting {name} must be a {'whole ' if whole else ''}number, got {value!r}")
