"""The job of monitoring: a window of served traffic against what its model was trained on."""

from dataclasses import dataclass, replace
from pathlib import Path

from components.data_validation.comparison.dataset_comparison import compare_datasets, ComparisonOptions
from components.data_validation.comparison.dataset_profile import profiled_dataset
from components.data_validation.jobs.compare_tables import (
    ComparisonPaths,
    ComparisonResult,
    dataset_content,
    write_comparison,
)
from components.data_validation.monitoring.drift_settings_text import parse_settings
from components.data_validation.monitoring.model_baseline import fetch_baseline, ModelBaseline
from components.data_validation.monitoring.window import MonitoringWindow, open_window
from components.data_validation.tables.column_roles import ColumnRoles, roles_of_examples
from components.data_validation.tables.prepared_table import PreparedTable


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedTraffic:
    """A window of a serving log, its ends as `components.shared.serving_log.time_window.parse_window` reads them."""

    log_uri: str
    window_start: str
    window_end: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftOutputs:
    """Where the outputs go.

    Attributes
    ----------
    statistics
        Folder: `reference.pb`, `current.pb`, and `schema.pbtxt`, the schema that the window was held against.
    anomalies
        Folder: `current.pbtxt`, TFDV's anomalies of the window.
    report, verdict
        HTML and JSON file.
    metrics
        JSON file; None writes none.
    """

    statistics: str | Path
    anomalies: str | Path
    report: str | Path
    verdict: str | Path
    metrics: str | Path | None = None


def detect_drift(*, model_uri: str, traffic: ServedTraffic, settings: str, outputs: DriftOutputs) -> ComparisonResult:
    """Compare a window of served traffic with the data that its model was trained on.

    Parameters
    ----------
    model_uri
        The published bundle, which carries schema, statistics and a sample of its training data.
    traffic
        The window of the serving log.
    settings
        Drift settings as YAML or JSON; empty for the defaults.
    outputs
        Where statistics, anomalies, report, verdict and metrics go.

    Returns
    -------
    ComparisonResult
        Drift is a result, not an error.

    Raises
    ------
    FileNotFoundError
        If there is no bundle, no baseline in it, or no log.
    ContractError
        If bundle or log are damaged or of a newer version.
    ValueError
        If a parameter is wrong, or the window holds no requests.
    """
    options = ComparisonOptions(drift=parse_settings(settings), leakage=False)
    baseline = fetch_baseline(model_uri)
    window = open_window(traffic.log_uri, traffic.window_start, traffic.window_end)
    roles = _roles(baseline, window)
    table = PreparedTable(window, roles)
    current = profiled_dataset(table, roles, name=window.name)
    # Nobody knows what a served example should have been called: the label is absent by nature.
    current = replace(current, label_version=None)
    compared = compare_datasets(baseline.side, current, options, remarks=window.remarks)
    contents = (
        dataset_content(baseline.side, compared=compared),
        dataset_content(current, table=table, roles=roles, compared=compared),
    )
    statistics = Path(outputs.statistics)
    paths = ComparisonPaths(
        statistics=statistics,
        schema=statistics / "schema.pbtxt",
        anomalies=Path(outputs.anomalies),
        report=Path(outputs.report),
        verdict=Path(outputs.verdict),
        metrics=None if outputs.metrics is None else Path(outputs.metrics),
    )
    return write_comparison(
        compared,
        datasets=(baseline.side, current),
        contents=contents,
        options=options,
        left_out=roles.left_out,
        paths=paths,
    )


def _roles(baseline: ModelBaseline, window: MonitoringWindow) -> ColumnRoles:
    """Roles of the log's columns; what training masked or kept is so here too, and what it had not is left out."""
    roles = roles_of_examples(window.info, window.schema)
    trained = {column.name: column for column in baseline.side.columns}
    columns, left_out = [], dict(roles.left_out)
    for column in roles.columns:
        if column.role == "label":
            left_out[column.name] = "labels of served examples come later"
        elif column.role == "prediction" and column.name not in trained:
            left_out[column.name] = "the bundle keeps no predictions to compare it with"
        elif column.name in trained and trained[column.name].kind == "masked":
            columns.append(trained[column.name])
        else:
            is_kept = column.name in trained and trained[column.name].is_kept
            columns.append(replace(column, is_kept=is_kept))
    return replace(roles, columns=tuple(columns), left_out=left_out, label=None)
