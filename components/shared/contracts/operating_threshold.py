"""The threshold at which a released model of two classes is used, as its evaluation chose it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.runtime.atomic_files import read_json
from components.shared.runtime.errors import ContractError

# The evaluation among a release's files.
EVALUATION_FILE = "evaluation.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatingThreshold:
    """An example is answered as class `positive`, an index, where its probability of it is at least `value`."""

    positive: int
    value: float


def operating_threshold(bundle: str | Path, class_names: Sequence[str]) -> OperatingThreshold | None:
    """The threshold that a bundle's evaluation chose; None where none was asked for, or none did what was asked.

    Raises
    ------
    ContractError
        If the evaluation names no class of a model of two, or no probability.
    """
    file = Path(bundle) / EVALUATION_FILE
    if not file.is_file():
        return None
    content = read_json(file, what="the evaluation")
    chosen = content.get("operating_point") if isinstance(content, dict) else None
    if not isinstance(chosen, dict) or chosen.get("threshold") is None:
        return None
    return _checked(chosen, class_names, file)


def _checked(chosen: dict[str, Any], class_names: Sequence[str], file: Path) -> OperatingThreshold:
    positive, value = chosen.get("positive"), chosen["threshold"]
    if len(class_names) != 2 or not isinstance(positive, str) or positive not in class_names:
        raise ContractError(
            f"operating_point.positive of {file} must be one of two classes, got {positive!r} of "
            f"{', '.join(class_names)}: evaluate and publish the model again"
        )
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ContractError(
            f"operating_point.threshold of {file} must be a probability from 0 to 1, got {value!r}: evaluate and "
            "publish the model again"
        )
    return OperatingThreshold(positive=list(class_names).index(positive), value=float(value))
