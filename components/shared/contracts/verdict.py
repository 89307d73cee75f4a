"""The verdict of a check: what was found, whether the run may go on, and why; the same for every check."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args, Literal

from components.shared.contracts.format_version import check_format_version
from components.shared.runtime.atomic_files import read_json, write_json
from components.shared.runtime.errors import ContractError
from components.shared.runtime.redaction import masked

FORMAT_VERSION = 2

FindingKind = Literal["schema_drift", "data_drift", "data_skew", "concept_drift", "quality"]
Severity = Literal["note", "warning", "blocking"]
Outcome = Literal["passed", "blocked", "insufficient_sample"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponsibleValue:
    """A value or range of values that a finding is due to, and its share of the rows of either dataset, 0 to 1."""

    value: str
    reference_share: float
    current_share: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", masked(self.value))


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that a check found; its words are masked as it is made, so that none quotes personal data.

    Attributes
    ----------
    kind
        One of the five kinds of change.
    severity
        `blocking` stops the run, `warning` and `note` do not.
    message
        One sentence in plain words, with the offending values.
    column, columns
        The column, or columns, it concerns; empty where it concerns the whole table.
    name
        The finding's technical name (TFDV's anomaly type, say); empty where it has none.
    statistic, value, threshold
        What was measured, its value, and the bound it was held against; None where nothing was measured.
    subtype
        What kind of column or of relation it is about: `feature`, `label`, `prediction`, `joint`; or empty.
    values
        The values it is due to, those that changed most first.
    num_reference, num_current
        Rows that were compared; None where nothing was compared.
    effect, effect_size
        How large the difference is: the name of the measure, and its value.
    p_value
        Chance of a difference at least this large where there is none, all comparisons of the check counted.
    significant, material
        More than chance, and large enough to matter: an alarm needs both; None where it was not asked.
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
    subtype: str = ""
    columns: tuple[str, ...] = ()
    values: tuple[ResponsibleValue, ...] = ()
    num_reference: int | None = None
    num_current: int | None = None
    effect: str = ""
    effect_size: float | None = None
    p_value: float | None = None
    significant: bool | None = None
    material: bool | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(FindingKind):
            raise ValueError(f"kind must be one of {get_args(FindingKind)}, got {self.kind!r}")
        if self.severity not in get_args(Severity):
            raise ValueError(f"severity must be one of {get_args(Severity)}, got {self.severity!r}")
        object.__setattr__(self, "message", masked(self.message))
        object.__setattr__(self, "remedy", masked(self.remedy))


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The outcome of one check; its words are masked as it is made, so that none quotes personal data.

    Attributes
    ----------
    check
        What was checked: `ingestion`, `validation`, `comparison`, `sufficiency`, `smoke`, `analysis`, `serving` ...
    passed
        Whether the run may go on.
    reason
        One sentence that a person can act on.
    findings
        Most severe first.
    outcome
        `passed`, `blocked` by a finding, or `insufficient_sample`: too few rows to say, which is not a pass. Follows
        from `passed` where it is left out.
    remarks
        What the check assumed or left out, one sentence each.
    """

    check: str
    passed: bool
    reason: str
    findings: tuple[Finding, ...] = field(default=())
    outcome: Outcome = "passed"
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.passed and self.outcome == "passed":
            object.__setattr__(self, "outcome", "blocked")
        if self.outcome not in get_args(Outcome) or self.passed != (self.outcome == "passed"):
            raise ValueError(f"outcome must fit passed={self.passed!r}, got {self.outcome!r}")
        if isinstance(self.reason, str):
            object.__setattr__(self, "reason", masked(self.reason))
        object.__setattr__(self, "remarks", tuple(masked(remark) for remark in self.remarks))


def write_verdict(path: str | Path, verdict: Verdict) -> None:
    """Write a verdict as JSON, complete or not at all."""
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
        findings = tuple(_finding_from(finding) for finding in content.pop("findings"))
        remarks = tuple(content.pop("remarks", ()))
        verdict = Verdict(**content, findings=findings, remarks=remarks)
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(f"the verdict at {path} must hold check, passed, reason and findings: {error}") from error
    if not isinstance(verdict.passed, bool) or not isinstance(verdict.reason, str):
        raise ContractError(f"the verdict at {path} must say passed as true or false, and its reason in words")
    return verdict


def _finding_from(content: dict[str, Any]) -> Finding:
    values = tuple(ResponsibleValue(**value) for value in content.pop("values", ()))
    columns = tuple(content.pop("columns", ()))
    return Finding(**content, columns=columns, values=values)
