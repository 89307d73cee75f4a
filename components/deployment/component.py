"""The KFP face of deployment."""

from kfp import dsl

from components.shared.runtime.container_images import image


@dsl.component(base_image=image("serving"), install_kfp_package=False)
def deploy_release(
    model: dsl.Input[dsl.Model],
    examples: dsl.Input[dsl.Dataset],
    predictions: dsl.Input[dsl.Dataset],
    model_name: str,
    model_root: str,
    registry: str,
    deploy: str,
    deployment_report: dsl.Output[dsl.HTML],
    deployment_verdict: dsl.Output[dsl.Artifact],
    deployment_metrics: dsl.Output[dsl.Metrics],
    rollout: dsl.Output[dsl.Artifact],
) -> None:
    """Bring a published release live beside the one before, watched by a judge, or take it back.

    A step that is tried again goes on where it was. On a desk nothing is deployed.

    Parameters
    ----------
    model
        The release.
    examples
        The example table: held-out examples that the live release is asked about.
    predictions
        The predictions table of the training side: what it must answer.
    model_name
        Name of the model and of its InferenceService.
    model_root
        Where it was published to.
    registry
        The model registry that is told of the champion; empty for none.
    deploy
        The problem file's section of that name, as JSON.

    Returns
    -------
    deployment_report
        What was decided, and what the canary did.
    deployment_verdict
        Whether the release is live, and why.
    deployment_metrics
        Looks, and requests of both sides until it was decided.
    rollout
        The audit record, JSON.

    Raises
    ------
    ValueError
        If the settings, the tables or the store cannot be used.
    ConnectionError
        If the cluster does not answer.
    """
    from components.deployment.jobs.deploy_release import deploy_release, DeployOutputs, ToDeploy

    given = ToDeploy(model=model.path, examples=examples.path, predictions=predictions.path, model_name=model_name,
                     model_root=model_root, registry=registry)  # fmt: skip
    outputs = DeployOutputs(report=deployment_report.path, verdict=deployment_verdict.path,
                            metrics=deployment_metrics.path, rollout=rollout.path)  # fmt: skip
    result = deploy_release(given, outputs, deploy=deploy)
    deployment_metrics.metadata.update(result.metrics)
    deployment_verdict.metadata.update(passed=result.passed, reason=result.reason)
