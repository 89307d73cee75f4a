"""What the steps of a run on a cluster have left for the run's page, see `components.shared.runtime.step_record`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.contracts.format_version import check_format_version
from components.shared.runtime.atomic_files import read_json
from components.shared.runtime.step_record import FORMAT_VERSION, KIND_FILES, RECORD_FILE


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRecord:
    """What one step left.

    Attributes
    ----------
    step
        Its name, as people see it: `train model`.
    kept_at
        When, in ISO 8601, UTC.
    files
        Files by their kind: `verdict`, `metrics`, `report`; those that the step has.
    facts
        What else there is to say of it.
    error
        The sentence that it failed with; empty where it did not.
    """

    step: str
    kept_at: str
    files: dict[str, Path]
    facts: dict[str, Any]
    error: str


def kept_steps(run: str | Path) -> list[StepRecord]:
    """What the steps of a run have left so far, in the order of time; nothing where there is no such folder.

    A record that cannot be read is one whose `error` says why, under its folder's name: it costs no more than its step.
    """
    records = [_readable(file) for file in Path(run).glob(f"[!.]*/{RECORD_FILE}")]
    return sorted(records, key=lambda record: (record.kept_at, record.step))


def _readable(file: Path) -> StepRecord:
    try:
        return _read(file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        name = file.parent.name.replace("-", " ")
        return StepRecord(step=name, kept_at="", files={}, facts={}, error=f"its record cannot be read: {error}")


def _read(file: Path) -> StepRecord:
    content = read_json(file, what="a step's record")
    check_format_version(content.get("format_version"), newest=FORMAT_VERSION, contract="a step's record", where=file)
    files = {kind: file.with_name(name) for kind, name in KIND_FILES.items()}
    return StepRecord(
        step=content["step"],
        kept_at=content["kept_at"],
        files={kind: path for kind, path in files.items() if path.is_file()},
        facts=content["facts"],
        error=content["error"],
    )
