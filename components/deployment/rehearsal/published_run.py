"""What a run on this machine left that a rehearsal needs: its release, its examples, its predictions."""

from dataclasses import dataclass
from pathlib import Path

from components.shared.runtime.atomic_files import read_json

_SUMMARY = "summary.json"
_EXAMPLES = "artifacts/*/ingest-examples/examples"
_PREDICTIONS = "artifacts/*/evaluate-model/predictions"


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedRun:
    """Paths of a run: the bundle that it published, the example table, the predictions table."""

    release: Path
    examples: Path
    predictions: Path


def published_run(folder: Path) -> PublishedRun:
    """Look through the folder of a run of the training pipeline.

    Raises
    ------
    FileNotFoundError
        If there is no run, or one of the three is not there.
    ValueError
        If the run did not publish.
    """
    if not (folder / _SUMMARY).is_file():
        raise FileNotFoundError(f"{folder} must hold a run, but has no {_SUMMARY}: `make run` first")
    summary = read_json(folder / _SUMMARY, what="the summary of the run")
    release = summary.get("model_dir") if isinstance(summary, dict) else None
    if not release:
        raise ValueError(f"the run in {folder} must have published a release, but names none: see its report")
    return PublishedRun(
        release=Path(release), examples=_newest(folder, _EXAMPLES), predictions=_newest(folder, _PREDICTIONS)
    )


def _newest(folder: Path, pattern: str) -> Path:
    """Of several runs in one folder the last; steps that came from a cache left theirs in an earlier one."""
    found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(f"{folder} must hold {pattern}, but does not: run it again")
    return found[-1]
