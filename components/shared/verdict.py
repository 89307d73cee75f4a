"""The verdict: what a check found, whether the run may go on, and why, the same everywhere."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args, Literal

from components.shared.atomic_files import read_json, write_json
from components.shared.errors import ContractError
from components.shared.format_version import check_format_version

FORMAT_VERSION = 1

FindingKind = Literal["schema_drift", "data_drift", "data_skew", "concept_drift", "quality"]
Severity = Literal["note", "warning", "blocking"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes
    ----------
    kind
        One of the five kinds of change.
    severity
        `blocking` stops the run, `warning` and `note` do not.
    message
        One sentence in plain words, with the offending values.
    column
        The column it concerns; empty where it concerns the whole table.
    name
        The finding's technical name (TFDV's anomaly type, say); empty where it has none.
    statistic, value, threshold
        What was measured, what came out, and the bound it was held against; None where nothing was measured.
    remedy
        What to do about it.
    """

    kind: FindingKind
    severity: Severity
    message: str
    column: str = ""
    name: str = ""
    statistic: str = ""
    value: float | None = None
    threshold: float | None = None
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(FindingKind):
            raise ValueError(f"kind must be one of {get_args(FindingKind)}, got {self.kind!r}")
        if self.severity not in get_args(Severity):
            raise ValueError(f"severity must be one of {get_args(Severity)}, got {self.severity!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The outcome of one check.

    Attributes
    ----------
    check
        What was checked: `ingestion`, `validation`, `smoke`, `analysis`, `serving`.
    passed
        Whether the run may go on.
    reason
        One sentence that a person can act on.
    findings
        What was found, most severe first.
    """

    check: str
    passed: bool
    reason: str
    findings: tuple[Finding, ...] = field(default=())


def write_verdict(path: str | Path, verdict: Verdict) -> None:
    """Write a verdict as JSON, whole or not at all."""
    write_json(path, {"format_version": FORMAT_VERSION, **asdict(verdict)})


def read_verdict(path: str | Path) -> Verdict:
    """Read a verdict.

    Raises
    ------
    FileNotFoundError
        If there is no file at `path`.
    ContractError
        If it is not a verdict of a known version.
    """
    content = read_json(path, what="the verdict")
    if not isinstance(content, dict):
        raise ContractError(f"the verdict at {path} must be a JSON object, got {type(content).__name__}")
    check_format_version(content.pop("format_version", None), newest=FORMAT_VERSION, contract="the verdict", where=path)
    return _verdict_from(content, path)


def _verdict_from(content: dict[str, Any], path: str | Path) -> Verdict:
    try:
        findings = tuple(Finding(**finding) for finding in content.pop("findings"))
        verdict = Verdict(**content, findings=findings)
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(f"the verdict at {path} must hold check, passed, reason and findings: {error}") from error
    if not isinstance(verdict.passed, bool) or not isinstance(verdict.reason, str):
        raise ContractError(f"the verdict at {path} must say passed as true or false, and its reason in words")
    return verdict
