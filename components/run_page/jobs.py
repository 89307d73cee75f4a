"""Keeps what steps made, and writes the page of a run on a cluster from it."""

from collections.abc import Mapping, Sequence
import logging
from pathlib import Path
import shutil
from typing import Any

from components.reporting.run_pages.run_report import write_run
from components.reporting.run_pages.step import Step
from components.reporting.run_pages.training_run_summary import TrainingRunSummary
from components.shared.contracts.run_record import kept_steps, StepRecord
from components.shared.runtime.step_record import ASKED, keep_step, RUN_VARIABLE, this_run

logger = logging.getLogger(__name__)


def keep_results(
    *,
    step: str,
    report_path: str | Path | None = None,
    metrics_path: str | Path | None = None,
    release: Mapping[str, Any] | None = None,
) -> None:
    """Keep what a step made for the page of its run.

    Parameters
    ----------
    step
        The step's name, as people see it.
    report_path, metrics_path
        Its report and metrics, where it has them.
    release
        What the model that it published says of itself: `uri`, `storage_uri`, `version`.

    Raises
    ------
    ValueError
        If nothing says which run this is.
    """
    files = {kind: path for kind, path in (("report", report_path), ("metrics", metrics_path)) if path is not None}
    keep_step(_run(), step, files=files, facts=release)


def write_run_page(*, steps: Sequence[str], version: str, images: Mapping[str, str], page_path: str | Path) -> None:
    """Write the page of this run, and `summary.json` and `report.html` beside what its steps kept.

    Parameters
    ----------
    steps
        Names of the steps that leave something, in their order.
    version
        The images' version: a commit, or a release.
    images
        The images that the steps run in, by name.
    page_path
        Where the page goes, an HTML file.

    Raises
    ------
    ValueError
        If nothing says which run this is.
    ContractError
        If a newer release has kept what the steps made.
    """
    run = _run()
    records = {record.step: record for record in kept_steps(run)}
    asked = records.pop(ASKED, None)
    facts = {} if asked is None else asked.facts
    shown = _steps(steps, records)
    error = _error(steps, records)
    run.mkdir(parents=True, exist_ok=True)
    write_run(
        shown,
        run_dir=run,
        run_summary=TrainingRunSummary(source=str(facts.get("source", "unknown"))),
        error=error,
        identity={
            "run": run.name,
            "version": version,
            **facts,
            **{f"image {name}": image for name, image in images.items()},
        },
    )
    Path(page_path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / "report.html", page_path)
    logger.info("%s", error or "every step has ended well")


def _run() -> Path:
    run = this_run()
    if run is None:
        raise ValueError(f"{RUN_VARIABLE} must say which run this is, but is not set: this step is for clusters")
    return run


def _steps(names: Sequence[str], records: Mapping[str, StepRecord]) -> list[Step]:
    """The run's steps in their order, and behind them what failed between them, a gate for one."""
    others = [name for name in records if name not in names]
    return [_step(name, records.get(name)) for name in [*names, *others]]


def _step(name: str, record: StepRecord | None) -> Step:
    if record is None:
        return Step(name=name, log=Path(), status="no word", duration_s=None)
    return Step(
        name=name,
        log=Path(),
        status="failed" if record.error else "succeeded",
        duration_s=None,
        outputs={f"step_{kind}": str(path) for kind, path in record.files.items()},
        error=record.error,
        facts=record.facts,
    )


def _error(names: Sequence[str], records: Mapping[str, StepRecord]) -> str:
    """What the run failed with; empty where every step has left its results."""
    failed = [f"{record.step}: {record.error}" for record in records.values() if record.error]
    silent = [name for name in names if name not in records]
    if failed or not silent:
        return "; ".join(failed)
    return f"nothing was heard of {silent[0]}: the last lines of its log, and of its driver's, say why"
