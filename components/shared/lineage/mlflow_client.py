"""The client of MLflow, where the environment names a tracking server; elsewhere MLflow is not even imported.

KFP sets these variables in every step where an administrator has set MLflow up (KEP-12862), credentials among them,
which the client reads by itself. On a desk a person sets `MLFLOW_TRACKING_URI`.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

SERVICE = "MLflow"
TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"
RUN_VARIABLE = "MLFLOW_RUN_ID"

DEFAULT_EXPERIMENT = "pluszero-mlops"

# Its own defaults wait for two minutes, eight times. Whoever has set one of them keeps it.
_QUIET_AND_BOUNDED = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",
}


def is_tracked() -> bool:
    """Whether the environment names a tracking server."""
    return bool(os.environ.get(TRACKING_VARIABLE))


def tracking_client() -> "MlflowClient":
    """A client of the tracking server that the environment names, which gives up within seconds.

    Raises
    ------
    ImportError
        If `mlflow-skinny` is not installed.
    """
    for name, value in _QUIET_AND_BOUNDED.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    return MlflowClient()


def new_run(client: "MlflowClient", name: str) -> str:
    """Begin a run in the experiment that the environment names, by default `pluszero-mlops`; returns its id."""
    return str(client.create_run(_experiment(client), run_name=name).info.run_id)


def _experiment(client: "MlflowClient") -> str:
    """The experiment's id."""
    from mlflow.exceptions import MlflowException

    if given := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return given
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or DEFAULT_EXPERIMENT
    found = client.get_experiment_by_name(name)
    try:
        return str(found.experiment_id if found else client.create_experiment(name))
    except MlflowException as error:
        found = client.get_experiment_by_name(name)
        if found is None:  # otherwise somebody else was first
            raise error
        return str(found.experiment_id)
