"""The check of a monitoring run's parameters, before anything is computed."""

from dataclasses import dataclass

from components.data_validation.monitoring.drift_settings_text import parse_settings, settings_text
from components.data_validation.monitoring.model_baseline import fetch_baseline, ModelBaseline
from components.data_validation.monitoring.window import MonitoringWindow, open_window
from components.shared.runtime.gpu_placement import WORKSPACE_CLAIM
from components.shared.runtime.workspace import check_claim, mounted


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedMonitoringInputs:
    """What the steps after the check work with.

    Attributes
    ----------
    settings
        The drift settings in canonical JSON.
    model_uri, serving_log_uri
        Where steps find them: a place on the workspace as a path.
    num_requests
        Rows in the window.
    """

    settings: str
    model_uri: str
    serving_log_uri: str
    num_requests: int


def check_monitoring_inputs(
    *,
    model_uri: str,
    serving_log_uri: str,
    window_start: str,
    window_end: str,
    settings: str,
    workspace_claim: str = WORKSPACE_CLAIM,
) -> CheckedMonitoringInputs:
    """Check a monitoring run's parameters; nothing but footers, one column and the baseline is read.

    Parameters
    ----------
    model_uri
        The published bundle: a local path, an fsspec URI, or `pvc://CLAIM/PATH`.
    serving_log_uri
        The serving log's folder, likewise.
    window_start, window_end
        The window, in ISO 8601; empty leaves that side open.
    settings
        Drift settings as YAML or JSON; empty for the defaults.
    workspace_claim
        The volume claim that steps mount, where there is a cluster.

    Returns
    -------
    CheckedMonitoringInputs
        The settings in the spelling that later steps, and their caches, see.

    Raises
    ------
    FileNotFoundError
        If there is no bundle, no baseline in it, or no log.
    ContractError
        If bundle or log are damaged or of a newer version.
    ValueError
        If a parameter is wrong, the window holds no requests, or the log has no column of the baseline.
    """
    checked = settings_text(parse_settings(settings))
    for name, uri in (("model_uri", model_uri), ("serving_log_uri", serving_log_uri)):
        check_claim(name, uri, workspace_claim)
    window = open_window(mounted(serving_log_uri), window_start, window_end)
    _check_common_columns(fetch_baseline(mounted(model_uri)), window)
    return CheckedMonitoringInputs(
        settings=checked,
        model_uri=mounted(model_uri),
        serving_log_uri=mounted(serving_log_uri),
        num_requests=window.num_rows,
    )


def _check_common_columns(baseline: ModelBaseline, window: MonitoringWindow) -> None:
    columns = [column.name for column in baseline.side.columns if column.role != "label"]
    if columns and not set(columns) & set(window.schema.names):
        raise ValueError(
            f"the serving log {window.uri} must hold columns of the data the model was trained on "
            f"({', '.join(columns)}), but holds only {', '.join(window.schema.names)}: is it another model's log?"
        )
