"""Validation's KFP face."""

from kfp import dsl

from components.shared.images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def validate_examples(
    examples: dsl.Input[dsl.Dataset],
    statistics: dsl.Output[dsl.Artifact],
    schema: dsl.Output[dsl.Artifact],
    anomalies: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    verdict: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
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
    report
        Verdict, findings and the distribution of every column.
    verdict
        JSON: passed or not, why, and the findings.
    metrics
        Findings by severity, columns examined, and examples by split.
    """
    from components.data_validation.jobs import validate_examples as job

    result = job(
        examples_path=examples.path,
        statistics_path=statistics.path,
        schema_path=schema.path,
        anomalies_path=anomalies.path,
        report_path=report.path,
        verdict_path=verdict.path,
        metrics_path=metrics.path,
    )
    metrics.metadata.update(result.metrics)
