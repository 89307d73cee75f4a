"""The KFP faces of ingestion."""

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def ingest_examples(
    source: str,
    problem: str,
    data_fingerprint: str,
    examples: dsl.Output[dsl.Dataset],
    pool: dsl.Output[dsl.Dataset],
    ingestion_report: dsl.Output[dsl.HTML],
    ingestion_verdict: dsl.Output[dsl.Artifact],
    ingestion_metrics: dsl.Output[dsl.Metrics],
    splits: dsl.Output[dsl.Artifact],
) -> None:
    """Turn a data source into the example table, split and free of duplicates.

    Parameters
    ----------
    source
        digits, pets, or a folder of photos, a table, or a table of photos, as a local path or an fsspec URI.
    problem
        The problem file's text, YAML or JSON; empty infers everything.
    data_fingerprint
        Fingerprint of the source's contents. It takes no part in the work: it makes the cache see changed data.

    Returns
    -------
    examples
        The example table: a folder of Parquet shards.
    pool
        Photos without a label, as an example table without splits; nothing is trained on it, and it may be empty.
    ingestion_report
        What was found: counts, what was inferred, what was quarantined and why, duplicates, a contact sheet.
    ingestion_verdict
        Whether the data can be used, and why not.
    ingestion_metrics
        Numbers of examples, quarantined files or rows, and duplicates.
    splits
        Content id and split of every example: what the model's bundle keeps.
    """
    from components.data_ingestion.jobs.ingest_examples import ingest_examples, IngestionOutputs

    outputs = IngestionOutputs(
        examples=examples.path, pool=pool.path, splits=splits.path,
        report=ingestion_report.path, verdict=ingestion_verdict.path, metrics=ingestion_metrics.path,
    )  # fmt: skip
    result = ingest_examples(source=source, problem=problem, outputs=outputs)
    examples.metadata.update(num_examples=result.num_examples, data_fingerprint=data_fingerprint)
    pool.metadata.update(num_examples=result.num_pool, data_fingerprint=data_fingerprint)
    ingestion_verdict.metadata.update(passed=result.passed, reason=result.reason)
    ingestion_metrics.metadata.update(result.numbers)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def collect_examples(
    serving_log_uri: str,
    window_start: str,
    window_end: str,
    examples: dsl.Input[dsl.Dataset],
    collected: dsl.Output[dsl.Dataset],
    pool: dsl.Output[dsl.Dataset],
    collection_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Turn a window of the serving log into a pool, and its labelled rows into a new version of the example table.

    Parameters
    ----------
    serving_log_uri
        The serving log: a local folder or an fsspec URI.
    window_start
        Start of the window, ISO 8601 or back from its end such as -7d; empty leaves it open.
    window_end
        End of the window, ISO 8601; empty leaves it open.
    examples
        The example table whose model was served: its columns, classes and splits hold.

    Returns
    -------
    collected
        The new version: what was labelled joins it; a copy where nothing was.
    pool
        What has no label, as an example table without splits.
    collection_metrics
        Numbers of rows served, without payload, known, repeated, in the pool and labelled.
    """
    from components.data_ingestion.jobs.collect_examples import collect_examples, CollectionOutputs

    outputs = CollectionOutputs(examples=collected.path, pool=pool.path, metrics=collection_metrics.path)
    result = collect_examples(
        serving_log=serving_log_uri, examples=examples.path, outputs=outputs,
        window_start=window_start, window_end=window_end,
    )  # fmt: skip
    collected.metadata.update(num_labelled=result.num_labelled)
    pool.metadata.update(num_examples=result.num_pool)
    collection_metrics.metadata.update(result.numbers)
