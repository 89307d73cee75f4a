"""What MLflow is told of a run, from the same steps and summary as the run's page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from components.reporting.run_pages.run_report import Summary
from components.reporting.run_pages.step import Step
from components.shared.lineage.run_tracking import log_results, RunResults
from components.shared.runtime.atomic_files import read_json
from components.shared.runtime.step_record import KIND_FILES

# Its words are on the run's page, and longer than a parameter may be.
_NO_PARAMETERS = frozenset({"problem"})


def track_run(steps: Sequence[Step], summary: Summary, *, own_run_id: str | None = None) -> None:
    """Tell MLflow, where it is set up, what a run has made; see `log_results`.

    Parameters
    ----------
    steps, summary
        The run's steps, and its summary as `write_run` has returned it.
    own_run_id
        The MLflow run of our own, where there is one.
    """
    identity = {name: value for name, value in summary["identity"].items() if name not in _NO_PARAMETERS}
    log_results(
        RunResults(
            passed=summary["passed"],
            page=Path(summary["report"]),
            reports={step.name: path for step in steps if (path := step.file_of("report"))},
            curves={step.name: curves for step in steps if (curves := _curves(step))},
            metrics=summary.get("metrics", {}),
            parameters=identity,
        ),
        own_run_id=own_run_id,
    )


def _curves(step: Step) -> list[Mapping[str, float]]:
    """What the step has measured epoch by epoch, which lies with its logs on a desk; nothing where it did not."""
    logs = Path(str(step.outputs.get("logs", ""))) / KIND_FILES["curves"]
    path = step.file_of("curves") or (logs if logs.is_file() else None)
    return [] if path is None else read_json(path, what="the curves")
