"""What MLflow is told of a run at its end: the reports of all steps, the page, and the curves.

On a cluster KFP tells it scalar metrics and parameters of each task, in runs beneath the pipeline's own; reports and
curves go to the pipeline's. On a desk the run is one of our own, with metrics and parameters too.
"""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
from dataclasses import dataclass, field
import math
import os
from pathlib import Path
import re
import time
from typing import Any, TYPE_CHECKING

from components.shared.lineage.mlflow_client import (
    is_tracked,
    new_run,
    RUN_VARIABLE,
    SERVICE,
    tracking_client,
    TRACKING_VARIABLE,
)
from components.shared.lineage.telling import tell

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

_BEGIN_AT_MOST_S, _END_AT_MOST_S = 60.0, 120.0
_PARENT_TAG = "mlflow.parentRunId"
# What the server takes at once, and of a value.
_METRICS_AT_ONCE, _PARAMETERS_AT_ONCE, _LONGEST_PARAMETER = 1000, 100, 6000


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResults:
    """What a run has made.

    Attributes
    ----------
    passed
        Whether every step and gate has passed.
    page
        The run's page, an HTML file.
    reports
        The steps' reports, HTML files by the step's name.
    curves
        What was measured epoch by epoch, by the step's name: `epoch`, counted from 1, and the values of that epoch.
    metrics, parameters
        Numbers that sum the run up, and what was asked of it.
    """

    passed: bool
    page: Path
    reports: Mapping[str, Path] = field(default_factory=dict)
    curves: Mapping[str, Sequence[Mapping[str, float]]] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


@contextlib.contextmanager
def own_run(name: str) -> Iterator[str | None]:
    """Begin a run of our own that steps started within find in the environment; yields its id.

    None where no server is set, where the environment names a run already, and where the server is out of reach: then
    steps do not look for it either.
    """
    if not is_tracked() or os.environ.get(RUN_VARIABLE):
        yield None
        return
    run_id = tell(
        lambda: new_run(tracking_client(), name), service=SERVICE, of=f"the run {name}", at_most_s=_BEGIN_AT_MOST_S
    )
    former = os.environ[TRACKING_VARIABLE]
    if run_id is None:
        del os.environ[TRACKING_VARIABLE]
    else:
        os.environ[RUN_VARIABLE] = run_id
    try:
        yield run_id
    finally:
        os.environ[TRACKING_VARIABLE] = former
        os.environ.pop(RUN_VARIABLE, None)


def log_results(results: RunResults, *, own_run_id: str | None = None) -> None:
    """Tell MLflow what a run has made, where the environment names a server and a run; an outage is a warning.

    Parameters
    ----------
    results
        What it has made.
    own_run_id
        The run of our own, which is ended; without it, the pipeline's run that the task named by `MLFLOW_RUN_ID`
        belongs to.
    """
    run_id = own_run_id or os.environ.get(RUN_VARIABLE)
    if is_tracked() and run_id:
        tell(
            lambda: _log(tracking_client(), results, run_id, is_own=own_run_id is not None),
            service=SERVICE,
            of="what the run has made",
            at_most_s=_END_AT_MOST_S,
        )


def _log(client: "MlflowClient", results: RunResults, run_id: str, *, is_own: bool) -> None:
    target = run_id if is_own else client.get_run(run_id).data.tags.get(_PARENT_TAG, run_id)
    if is_own:
        # What a reader looks for first, and what an artifact store that is out of reach must not cost.
        _log_numbers(client, target, results)
    _log_curves(client, target, results.curves)
    if is_own:
        client.set_terminated(target, status="FINISHED" if results.passed else "FAILED")
    client.log_text(target, results.page.read_text(encoding="utf-8"), "run.html")
    for step, report in results.reports.items():
        client.log_text(target, report.read_text(encoding="utf-8"), f"reports/{_key(step)}.html")


def _log_numbers(client: "MlflowClient", run_id: str, results: RunResults) -> None:
    from mlflow.entities import Metric, Param

    now = _now_ms()
    metrics = [Metric(_key(name), float(value), now, 0) for name, value in results.metrics.items() if _is_number(value)]
    parameters = [Param(_key(name), str(value)[:_LONGEST_PARAMETER]) for name, value in results.parameters.items()]
    _log_metrics(client, run_id, metrics)
    for start in range(0, len(parameters), _PARAMETERS_AT_ONCE):
        client.log_batch(run_id, params=parameters[start : start + _PARAMETERS_AT_ONCE])


def _log_curves(client: "MlflowClient", run_id: str, curves: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    from mlflow.entities import Metric

    now = _now_ms()
    points = [
        Metric(f"{_key(step)}/{_key(name)}", float(value), now, int(epoch["epoch"]))
        for step, epochs in curves.items()
        for epoch in epochs
        for name, value in epoch.items()
        if name != "epoch" and _is_number(value)
    ]
    _log_metrics(client, run_id, points)


def _log_metrics(client: "MlflowClient", run_id: str, metrics: Sequence["Metric"]) -> None:
    for start in range(0, len(metrics), _METRICS_AT_ONCE):
        client.log_batch(run_id, metrics=metrics[start : start + _METRICS_AT_ONCE])


def _now_ms() -> int:
    return int(time.time() * 1000)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _key(name: str) -> str:
    """A name with the letters that MLflow takes in keys."""
    return re.sub(r"[^\w.\- ]", "_", name)
