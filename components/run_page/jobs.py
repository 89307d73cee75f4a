"""Writes the page of a run on a cluster from what its steps kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime, UTC
import logging
from pathlib import Path
import shutil

from components.reporting.run_pages.failure_notice import notify_failure
from components.reporting.run_pages.run_report import RunSummary, write_run
from components.reporting.run_pages.search_run_summary import SearchRunSummary
from components.reporting.run_pages.step import Step
from components.reporting.run_pages.tracking import track_run
from components.reporting.run_pages.training_run_summary import TrainingRunSummary
from components.shared.contracts.run_record import kept_steps, StepRecord
from components.shared.runtime.step_record import FROM_CACHE, RUN_PARAMETERS, RUN_VARIABLE, SKIPPED, this_run

logger = logging.getLogger(__name__)

_GATE = "gate: "


def write_run_page(
    *,
    kind: str,
    steps: Sequence[str],
    version: str,
    images: Mapping[str, str],
    page_path: str | Path,
    page_uri: str = "",
) -> None:
    """Write the page of this run, and `summary.json` and `report.html` beside what its steps kept.

    Where they are set up, a webhook is told of a run that has failed, and MLflow of what it has made.

    Parameters
    ----------
    kind
        Of the run: `training` or `search`.
    steps
        Names of the steps that leave something, in their order; those that the first step says this run has none of are
        left out.
    version
        The images' version: a commit, or a release.
    images
        The images that the steps run in, by name.
    page_path, page_uri
        Where the page goes, an HTML file, and where others find it; an empty URI is the path.

    Raises
    ------
    ValueError
        If nothing says which run this is, or `kind` is unknown.
    """
    run = this_run()
    if run is None:
        raise ValueError(f"{RUN_VARIABLE} must say which run this is, but is not set: this step is for clusters")
    records = {record.step: record for record in kept_steps(run)}
    asked = records.pop(RUN_PARAMETERS, None)
    parameters = {} if asked is None else asked.facts
    skipped = {name for record in records.values() for name in record.facts.get(SKIPPED, ())}
    steps = [name for name in steps if name not in skipped]
    error = _error(steps, records)
    run.mkdir(parents=True, exist_ok=True)
    run_summary = _run_summary(kind, str(parameters.get("model_data", "unknown")))
    shown = _steps(steps, records)
    summary = write_run(
        shown,
        run_dir=run,
        run_summary=run_summary,
        error=error,
        identity={
            "run": run.name,
            "page written": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": version,
            **parameters,
            **{f"image {name}": image for name, image in images.items()},
        },
    )
    Path(page_path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / "report.html", page_path)
    logger.info("%s", error or "every step has ended well")
    notify_failure(summary, kind=run_summary.title, run=run.name, report=page_uri or str(page_path))
    track_run(shown, summary)


def _run_summary(kind: str, source: str) -> RunSummary:
    if kind == "training":
        return TrainingRunSummary(source=source)
    if kind == "search":
        return SearchRunSummary(source=source)
    raise ValueError(f"kind must be training or search, got {kind!r}")


def _steps(names: Sequence[str], records: Mapping[str, StepRecord]) -> list[Step]:
    """The run's steps in their order, and behind them what else has kept something: a gate that failed, for one."""
    others = [name for name in records if name not in names]
    last = _last_heard_of(names, records)
    return [_step(name, records.get(name), cached=number < last) for number, name in enumerate([*names, *others])]


def _last_heard_of(names: Sequence[str], records: Mapping[str, StepRecord]) -> int:
    """The place of the last step that kept something; those before it that did not came out of KFP's cache."""
    return max((number for number, name in enumerate(names) if name in records), default=-1)


def _step(name: str, record: StepRecord | None, *, cached: bool) -> Step:
    if record is None:
        status = "succeeded" if cached else "not reported"
        return Step(name=name, log=Path(), status=status, cached=cached, duration_s=None)
    return Step(
        name=name,
        log=Path(),
        status="failed" if record.error else "succeeded",
        cached=record.facts.get(FROM_CACHE) is True,
        duration_s=None,
        outputs={f"step_{kind}": str(path) for kind, path in record.files.items()},
        error=record.error,
        facts=record.facts,
    )


def _error(names: Sequence[str], records: Mapping[str, StepRecord]) -> str:
    """What the run failed with; empty where every step has left its results."""
    # A gate's own sentence names the check already.
    failed = [_sentence(record) for record in records.values() if record.error]
    silent = names[_last_heard_of(names, records) + 1 :]
    if failed or not silent:
        return "; ".join(failed)
    return f"nothing was heard of {silent[0]}: the last lines of its log, and of its driver's, say why"


def _sentence(record: StepRecord) -> str:
    return record.error if record.step.startswith(_GATE) else f"{record.step}: {record.error}"
