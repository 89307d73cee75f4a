"""The KFP face of ingestion."""

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
