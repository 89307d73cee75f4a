"""What was measured of a bundle's speed, kept in its folder: one entry for each hardware it was measured on.

`serving_speed.json` is no part of the bundle: it is not in the list of its files, and no version is made of it. Nothing
but a speed is believed of it: what it names must be among the ways to compute that this server has.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
import logging
from pathlib import Path
from typing import Any

from components.serving.traffic.batch_plan import MAX_ROWS
from components.shared.runtime.atomic_files import read_json, write_json
from components.shared.runtime.errors import ContractError

logger = logging.getLogger(__name__)

SPEED_FILE = "serving_speed.json"
_FORMAT_VERSION = 1
_MAX_ENTRIES = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class ComputeSpeed:
    """What was found: which way to compute, rows a batch, and the seconds of one of its rows."""

    backend: str
    max_rows: int
    row_s: float


def kept(path: str | Path, measured_for: Mapping[str, Any]) -> ComputeSpeed | None:
    """What was measured before for the same hardware, release and libraries; None where nothing usable was."""
    for entry in _entries(path):
        if entry.get("measured_for") == dict(measured_for):
            return _speed(entry.get("speed"))
    return None


def keep(path: str | Path, measured_for: Mapping[str, Any], speed: ComputeSpeed) -> None:
    """Keep what was measured; where the folder cannot be written, the next start measures again."""
    entry = {"measured_for": dict(measured_for), "speed": asdict(speed)}
    others = [old for old in _entries(path) if old.get("measured_for") != entry["measured_for"]]
    content = {"format_version": _FORMAT_VERSION, "measured": [entry, *others][:_MAX_ENTRIES]}
    try:
        write_json(Path(path) / SPEED_FILE, content)
    except OSError as error:
        logger.info("what was measured is not kept, and the next start measures again: %s", error)


def _entries(path: str | Path) -> list[dict[str, Any]]:
    try:
        content = read_json(Path(path) / SPEED_FILE, what="the measured speed")
    except (OSError, ContractError):
        return []
    if not isinstance(content, dict) or content.get("format_version") != _FORMAT_VERSION:
        return []
    entries = content.get("measured")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _speed(given: Any) -> ComputeSpeed | None:
    try:
        speed = ComputeSpeed(**given)
        fits = isinstance(speed.backend, str) and speed.max_rows in range(1, MAX_ROWS + 1) and float(speed.row_s) >= 0
    except (TypeError, ValueError):
        return None
    return speed if fits else None
