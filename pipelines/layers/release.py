"""The layer `release`: the model as an immutable release, a server that was tried with it, and its way live."""

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from components.deployment.component import deploy_release
from components.serving.component import probe_server, publish_model
from pipelines.steps.gates import gate_after
from pipelines.steps.placement import Access, called, DEPLOYING, on_cpu, retried, SERVING, uncached, with_access


def release_layer() -> BaseComponent:
    """The layer, as kfp compiles it."""

    @dsl.pipeline(
        name="release",
        description="Publish the model, try a server with it behind a gate, and bring it live where that is asked.",
    )
    def release(
        examples: dsl.Input[dsl.Dataset],
        model: dsl.Input[dsl.Model],
        evaluation: dsl.Input[dsl.Artifact],
        predictions: dsl.Input[dsl.Dataset],
        verdict: dsl.Input[dsl.Artifact],
        analysis_summary: dsl.Input[dsl.Artifact],
        model_name: str,
        model_root: str,
        deploy: str,
        workspace_claim: str,
        secret: str,
        registry: str,
    ) -> None:
        """From a model bundle to a probed release, and on to one that is live.

        Parameters
        ----------
        examples, predictions
            Held-out examples to send to the server, and what the training side says of them.
        model, evaluation, verdict, analysis_summary
            The bundle, and what the analysis said of it.
        model_name, model_root
            What the model is called, and where it is published to.
        deploy
            How the release goes live, as JSON; empty where it does not.
        workspace_claim
            The volume claim that steps mount.
        secret
            The secret for outside data.
        registry
            The model registry that is told of the release; empty for none.
        """
        access = Access(claim=workspace_claim, secret=secret)
        published = publish_model(
            model=model,
            evaluation=evaluation,
            verdict=verdict,
            analysis_summary=analysis_summary,
            examples=examples,
            model_name=model_name,
            model_root=model_root,
            registry=registry,
        )
        called(retried(on_cpu(published, SERVING), SERVING, times=3), "publish model")
        with_access(published, access)

        probe = probe_server(model=published.outputs["published"], examples=examples, predictions=predictions)
        with_access(called(on_cpu(probe, SERVING), "probe server"), access)
        tried = gate_after(probe, "serving", step="probe server", claim=workspace_claim)

        with dsl.If(deploy != "", name="deploy"):
            live = deploy_release(
                model=published.outputs["published"],
                examples=examples,
                predictions=predictions,
                model_name=model_name,
                model_root=model_root,
                registry=registry,
                deploy=deploy,
            ).after(tried)
            called(retried(uncached(on_cpu(live, DEPLOYING)), DEPLOYING, times=3), "deploy release")
            with_access(live, access)
            gate_after(live, "deployment", step="deploy release", claim=workspace_claim)

    return release
