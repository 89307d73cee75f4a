"""Validation's KFP face."""

from typing import NamedTuple

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def validate_examples(
    examples: dsl.Input[dsl.Dataset],
    statistics: dsl.Output[dsl.Artifact],
    schema: dsl.Output[dsl.Artifact],
    anomalies: dsl.Output[dsl.Artifact],
    data_report: dsl.Output[dsl.HTML],
    data_verdict: dsl.Output[dsl.Artifact],
    data_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Validate the splits of an example table against the schema of its training split.

    A failed check does not fail this step: the verdict says so, and a gate reads it.

    Parameters
    ----------
    examples
        The example table.

    Returns
    -------
    statistics
        Folder: TFDV's statistics, `<split>.pb`, a serialized `DatasetFeatureStatisticsList` a split.
    schema
        The training split's schema as protobuf text.
    anomalies
        Folder: TFDV's anomalies of the evaluation splits, `<split>.pbtxt`.
    data_report
        Verdict, findings and the distribution of every column.
    data_verdict
        JSON: passed or not, why, and the findings.
    data_metrics
        Findings by severity, columns examined, and examples by split.
    """
    from components.data_validation.jobs.validate_examples import validate_examples as job

    result = job(
        examples_path=examples.path,
        statistics_path=statistics.path,
        schema_path=schema.path,
        anomalies_path=anomalies.path,
        report_path=data_report.path,
        verdict_path=data_verdict.path,
        metrics_path=data_metrics.path,
    )
    data_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def check_monitoring_inputs(
    model_uri: str,
    serving_log_uri: str,
    window_start: str,
    window_end: str,
    data_fingerprint: str,
    settings: str,
    workspace_claim: str,
) -> NamedTuple(  # type: ignore[valid-type]
    "MonitoringInputs", [("settings", str), ("model_uri", str), ("serving_log_uri", str)]
):
    """Check every parameter of a monitoring run before anything is computed.

    Parameters
    ----------
    model_uri
        The published model bundle: a folder or URI.
    serving_log_uri
        The serving log: a folder or URI.
    window_start
        Where the window begins: a time in ISO 8601, or -24h or -7d before its end; empty for the log's beginning.
    window_end
        Where the window ends, in ISO 8601; empty for the log's end.
    data_fingerprint
        Changes when the log changes; it keeps the cache honest.
    settings
        Drift settings as YAML or JSON; empty for the defaults.
    workspace_claim
        The volume claim that steps mount: the CLAIM of pvc:// URIs.

    Returns
    -------
    settings
        All drift settings, as JSON.
    model_uri
        Where steps find the bundle: a place on the workspace as a path.
    serving_log_uri
        Where steps find the log: a place on the workspace as a path.
    """
    from components.data_validation.jobs.check_monitoring_inputs import check_monitoring_inputs as job

    checked = job(
        model_uri=model_uri,
        serving_log_uri=serving_log_uri,
        window_start=window_start,
        window_end=window_end,
        settings=settings,
        workspace_claim=workspace_claim,
    )
    return (checked.settings, checked.model_uri, checked.serving_log_uri)


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def detect_drift(
    model_uri: str,
    serving_log_uri: str,
    window_start: str,
    window_end: str,
    data_fingerprint: str,
    settings: str,
    statistics: dsl.Output[dsl.Artifact],
    anomalies: dsl.Output[dsl.Artifact],
    drift_report: dsl.Output[dsl.HTML],
    drift_verdict: dsl.Output[dsl.Artifact],
    drift_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Compare a window of served traffic with the data that its model was trained on.

    Drift does not fail this step: the verdict says so, and a gate reads it.

    Parameters
    ----------
    model_uri
        The published model bundle, which carries the baseline: a folder or URI.
    serving_log_uri
        The serving log: a folder or URI.
    window_start
        Where the window begins: a time in ISO 8601, or -24h or -7d before its end; empty for the log's beginning.
    window_end
        Where the window ends, in ISO 8601; empty for the log's end.
    data_fingerprint
        Changes when the log changes; it keeps the cache honest.
    settings
        Drift settings as YAML or JSON; empty for the defaults.

    Returns
    -------
    statistics
        Folder: TFDV's statistics of the window, a serialized `DatasetFeatureStatisticsList`.
    anomalies
        Folder: TFDV's anomalies of the window against the model's schema.
    drift_report
        Verdict, findings, and the distributions of the two sides.
    drift_verdict
        JSON: passed or not, why, and the findings.
    drift_metrics
        Findings by severity, columns compared, and rows of the two sides.
    """
    from components.data_validation.jobs.detect_drift import detect_drift, DriftOutputs, ServedTraffic

    traffic = ServedTraffic(log_uri=serving_log_uri, window_start=window_start, window_end=window_end)
    outputs = DriftOutputs(
        statistics=statistics.path,
        anomalies=anomalies.path,
        report=drift_report.path,
        verdict=drift_verdict.path,
        metrics=drift_metrics.path,
    )
    result = detect_drift(model_uri=model_uri, traffic=traffic, settings=settings, outputs=outputs)
    drift_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def assess_sufficiency(
    examples: dsl.Input[dsl.Dataset],
    target: str,
    seed: int,
    sufficiency_report: dsl.Output[dsl.HTML],
    sufficiency_verdict: dsl.Output[dsl.Artifact],
    sufficiency_metrics: dsl.Output[dsl.Metrics],
    embeddings: dsl.Input[dsl.Dataset] = None,
) -> None:
    """Judge whether an example table can answer its question at all, before any training.

    Data that cannot, or are too few to say, do not fail this step: the verdict says so, and a gate reads it.

    Parameters
    ----------
    examples
        The example table; only its training split is read.
    target
        The problem file's target section as JSON, such as `{"metric": "accuracy", "minimum": 0.9}`; empty for
        accuracy without a minimum.
    seed
        Of the sample, the folds and the permutations.
    embeddings
        An embeddings table of the same examples; without one, simple features are made.

    Returns
    -------
    sufficiency_report
        Verdict, what cheap probes score against permuted labels, and the learning curve.
    sufficiency_verdict
        JSON: passed, blocked or insufficient sample, why, and the findings.
    sufficiency_metrics
        The probe's score, its p-value, and the scores extrapolated to more data.
    """
    from components.data_validation.jobs.assess_sufficiency import assess_sufficiency as job

    result = job(
        examples_path=examples.path,
        embeddings_path=embeddings and embeddings.path,
        target=target,
        seed=seed,
        report_path=sufficiency_report.path,
        verdict_path=sufficiency_verdict.path,
        metrics_path=sufficiency_metrics.path,
    )
    sufficiency_metrics.metadata.update(result.metrics)
