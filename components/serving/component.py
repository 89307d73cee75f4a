"""KFP faces of serving."""

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("serving"), install_kfp_package=False)
def publish_model(
    model: dsl.Input[dsl.Model],
    evaluation: dsl.Input[dsl.Artifact],
    verdict: dsl.Input[dsl.Artifact],
    analysis_summary: dsl.Input[dsl.Artifact],
    examples: dsl.Input[dsl.Dataset],
    model_name: str,
    model_root: str,
    registry: str,
    published: dsl.Output[dsl.Model],
    inference_service: dsl.Output[dsl.Artifact],
) -> None:
    """Publish a model bundle as an immutable release, with its evaluation, a model card and an InferenceService.

    Parameters
    ----------
    model
        The bundle that training wrote.
    evaluation
        The evaluation, a JSON file; it becomes part of the release.
    verdict
        The verdict of the analysis; a model that did not pass is not published.
    analysis_summary
        What the analysis found, as JSON; the model card tells it.
    examples
        The example table: on its held-out rows the network that ONNX Runtime computes is compared with the model.
    model_name
        Name of the model: small letters, digits and hyphens, starting with a letter.
    model_root
        Where releases live: a folder, an fsspec URI such as s3://bucket/models, or pvc://CLAIM/models.
    registry
        The address of the Kubeflow Model Registry that is told of the release; empty for none.

    Returns
    -------
    published
        The release: a bundle in MODEL_ROOT/NAME/VERSION.
    inference_service
        The KServe InferenceService of the release, YAML.

    Raises
    ------
    ValueError
        If the name cannot be used, the verdict did not pass, or the version exists with other contents.
    """
    from components.serving.jobs import Candidate, publish_model

    result = publish_model(
        Candidate(model=model.path, evaluation=evaluation.path, verdict=verdict.path, summary=analysis_summary.path,
                  examples=examples.path),
        model_name=model_name, model_root=model_root, inference_service_path=inference_service.path,
        artifact=(published.uri, published.path), registry=registry,
    )  # fmt: skip
    published.uri = result.artifact_uri
    published.metadata.update(version=result.version, storage_uri=result.storage_uri, model_name=model_name)


@dsl.component(base_image=image("serving"), install_kfp_package=False)
def probe_server(
    model: dsl.Input[dsl.Model],
    examples: dsl.Input[dsl.Dataset],
    predictions: dsl.Input[dsl.Dataset],
    serving_report: dsl.Output[dsl.HTML],
    serving_verdict: dsl.Output[dsl.Artifact],
    serving_metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Start the server on loopback, replay held-out examples, and compare with the training side.

    Parameters
    ----------
    model
        The bundle to serve.
    examples
        The example table; its files, texts or rows are sent as they are.
    predictions
        The predictions table of the training side.

    Returns
    -------
    serving_report
        Start-up, latency, differences and how malformed requests were answered.
    serving_verdict
        Whether the server may go on to production, and why.
    serving_metrics
        Cold start in seconds, p50 and p99 in milliseconds, largest difference of a probability or a number.
    """
    from components.serving.jobs import probe_server as job

    result = job(
        model_path=model.path,
        examples_path=examples.path,
        predictions_path=predictions.path,
        report_path=serving_report.path,
        verdict_path=serving_verdict.path,
        metrics_path=serving_metrics.path,
    )
    serving_metrics.metadata.update(result.metrics)
    serving_verdict.metadata.update(passed=result.passed, reason=result.reason)
