"""What the analysis of a model found, in words: written by the analysis, told by the model card."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.shared.contracts.format_version import check_format_version
from components.shared.runtime.atomic_files import read_json, write_json
from components.shared.runtime.errors import ContractError

FORMAT_VERSION = 1
_WHAT = "the analysis summary"


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckSummary:
    """One check: its name as people see it, whether it passed, and its sentence."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupFigure:
    """A figure of one group of a sensitive column, with its 95 % interval; None where it cannot be said.

    `num_examples` are those of the test split that it rests on.
    """

    column: str
    group: str
    measure: str
    num_examples: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Weakness:
    """What is wrong with a model in one sentence, what to do about it, and the check that found it; may be empty."""

    sentence: str
    remedy: str = ""
    check: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisSummary:
    """An analysis in words.

    Attributes
    ----------
    passed, reason
        Whether the model may ship, and the sentence that says why.
    checks
        Every check, in the order in which people read them.
    weaknesses
        What is wrong, the worst first.
    groups
        Figures of the groups of sensitive columns.
    cannot_see
        What the analysis cannot see, a sentence each.
    """

    passed: bool
    reason: str
    checks: tuple[CheckSummary, ...] = ()
    weaknesses: tuple[Weakness, ...] = ()
    groups: tuple[GroupFigure, ...] = ()
    cannot_see: tuple[str, ...] = field(default=())


def write_analysis_summary(path: str | Path, summary: AnalysisSummary) -> None:
    """Write a summary as JSON, complete or not at all."""
    write_json(path, {"format_version": FORMAT_VERSION, **asdict(summary)})


def read_analysis_summary(path: str | Path) -> AnalysisSummary:
    """Read a summary.

    Raises
    ------
    FileNotFoundError
        If there is no file at `path`.
    ContractError
        If it is no summary of a known version.
    """
    content = read_json(path, what=_WHAT)
    if not isinstance(content, dict):
        raise ContractError(f"{_WHAT} at {path} must be a JSON object, got {type(content).__name__}")
    check_format_version(content.pop("format_version", None), newest=FORMAT_VERSION, contract=_WHAT, where=path)
    try:
        return _summary_from(content)
    except (KeyError, TypeError) as error:
        raise ContractError(f"{_WHAT} at {path} must hold passed, reason, checks and weaknesses: {error}") from error


def _summary_from(content: Mapping[str, Any]) -> AnalysisSummary:
    return AnalysisSummary(
        passed=content["passed"],
        reason=content["reason"],
        checks=tuple(CheckSummary(**item) for item in content["checks"]),
        weaknesses=tuple(Weakness(**item) for item in content["weaknesses"]),
        groups=tuple(GroupFigure(**item) for item in content["groups"]),
        cannot_see=tuple(content["cannot_see"]),
    )
