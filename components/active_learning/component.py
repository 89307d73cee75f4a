"""KFP faces of active learning."""

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def export_queue(
    label_requests: dsl.Input[dsl.Dataset],
    pool: dsl.Input[dsl.Dataset],
    queue_uri: str,
    settings: str,
    queue_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Write label requests as a queue for people: a CSV, photos beside it, and Label Studio's tasks and configuration.

    A queue that is there already, and perhaps filled in, is never written over.

    Parameters
    ----------
    label_requests
        Whom to ask about, and why, as `select_examples` wrote it.
    pool
        The table that they were chosen from: a pool, or an example table with unlabelled rows.
    queue_uri
        Folder to write, where people fetch it: a path, pvc://CLAIM/queue, or an fsspec URI such as s3://bucket/queue.
    settings
        YAML or JSON, such as `{show_prediction: true, image_uri: s3://bucket/queue/images}`; empty takes the defaults.

    Returns
    -------
    queue_metrics
        How many examples are asked about, for the KFP UI.
    """
    from components.active_learning.jobs.export_queue import export_queue as job

    result = job(
        requests_path=label_requests.path, pool_path=pool.path, queue_uri=queue_uri, settings=settings,
        metrics_path=queue_metrics.path,
    )  # fmt: skip
    queue_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def import_labels(
    previous_examples: dsl.Input[dsl.Dataset],
    pool: dsl.Input[dsl.Dataset],
    model_labels: dsl.Input[dsl.Dataset],
    queue_uri: str,
    labels_uri: str,
    examples: dsl.Output[dsl.Dataset],
    splits: dsl.Output[dsl.Artifact],
    labels_rejected: dsl.Output[dsl.Artifact],
    labels_report: dsl.Output[dsl.HTML],
    labels_verdict: dsl.Output[dsl.Artifact],
    labels_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Merge what people filled in, and what models labelled, into a new version of an example table.

    A row that does not fit is left out and reported. Too many of them are a result: the verdict says so, and a gate
    step of its own stops the run.

    Parameters
    ----------
    previous_examples
        The example table, of classes.
    pool
        The pool that rows come from; the example table itself where all are unlabelled rows of it.
    model_labels
        Labels by models that the guard admitted; there may be none.
    queue_uri
        The queue that `export_queue` wrote.
    labels_uri
        What people filled in: a CSV or an export of Label Studio, or a folder of several; empty for none.

    Returns
    -------
    examples
        The new version of the example table, with its lineage; the same table where nothing is new.
    splits
        Content id and split of every example, which the model's bundle keeps.
    labels_rejected
        The rows that were left out: file, row, what was expected and found, and what to do, as CSV.
    labels_report
        What was merged, what was left out and why, how far people agree, where the version comes from.
    labels_verdict
        Whether the labels may be gone on with, and every fault with its file and row.
    labels_metrics
        Counts, and the agreement with its interval, for the KFP UI.
    """
    from components.active_learning.jobs.import_labels import import_labels, ImportOutputs

    outputs = ImportOutputs(
        examples=examples.path, splits=splits.path, report=labels_report.path, verdict=labels_verdict.path,
        metrics=labels_metrics.path, rejected=labels_rejected.path,
    )  # fmt: skip
    result = import_labels(
        examples_path=previous_examples.path, pool_path=pool.path, model_labels_path=model_labels.path,
        queue_uri=queue_uri, labels_uri=labels_uri, outputs=outputs,
    )  # fmt: skip
    labels_metrics.metadata.update(result.metrics)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def withdraw_labels(
    previous_examples: dsl.Input[dsl.Dataset],
    pool: dsl.Input[dsl.Dataset],
    model_version: str,
    examples: dsl.Output[dsl.Dataset],
    splits: dsl.Output[dsl.Artifact],
    withdrawal_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Take back the labels that a model version gave, in a new version of an example table.

    Parameters
    ----------
    previous_examples
        The example table with such labels.
    pool
        The pool that rows came from: they leave the table. The example table itself where there is none.
    model_version
        As the column `label_model` names it.

    Returns
    -------
    examples
        The new version of the example table.
    splits
        Content id and split of every example, which the model's bundle keeps.
    withdrawal_metrics
        How many rows were removed, and how many labels taken back, for the KFP UI.
    """
    from components.active_learning.jobs.withdraw_labels import withdraw_labels as job

    found = job(
        examples_path=previous_examples.path, pool_path=pool.path, model_version=model_version,
        output_path=examples.path, splits_path=splits.path, metrics_path=withdrawal_metrics.path,
    )  # fmt: skip
    withdrawal_metrics.metadata.update(rows_removed=found.num_removed, rows_unlabelled=found.num_unlabelled)
