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
    report: dsl.Output[dsl.HTML],
    verdict: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
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
    report
        What was found: counts, what was inferred, what was quarantined and why, duplicates, a contact sheet.
    verdict
        Whether the data can be used, and why not.
    metrics
        Numbers of examples, quarantined files or rows, and duplicates.
    splits
        Content id and split of every example: what the model's bundle keeps.
    """
    from components.data_ingestion.jobs import ingest_examples, IngestionOutputs

    outputs = IngestionOutputs(
        examples=examples.path, pool=pool.path, report=report.path, verdict=verdict.path, metrics=metrics.path
    )
    result = ingest_examples(source=source, problem=problem, outputs=outputs, splits_path=splits.path)
    examples.metadata.update(num_examples=result.num_examples, data_fingerprint=data_fingerprint)
    pool.metadata.update(num_examples=result.num_pool, data_fingerprint=data_fingerprint)
    verdict.metadata.update(passed=result.passed, reason=result.reason)
    metrics.metadata.update(result.metrics())
