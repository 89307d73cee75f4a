"""The training pipeline: from raw data to a published, probed model, with a gate after every check."""

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from components.data_ingestion.component import ingest_examples
from components.data_validation.component import validate_examples
from components.feature_engineering.component import build_feature_store
from components.model_analysis.component import evaluate_model
from components.serving.component import probe_server, publish_model
from components.shared.images import image
from components.training.component import check_inputs, smoke_test, train_model, train_on_nodes
from pipelines.gates import gate_after
from pipelines.placement import (
    DATA,
    device_of,
    LAUNCHING,
    LIGHT,
    on_cpu,
    on_gpu,
    ProfileName,
    retried,
    SERVING,
    SMOKE,
    TRAINING,
    with_workspace,
    WORKSPACE_CLAIM,
    WORKSPACE_PATH,
)

PIPELINE_NAME = "pluszero-training"


def training_pipeline(profile: ProfileName) -> BaseComponent:
    """The training pipeline for one kind of cluster.

    Parameters
    ----------
    profile
        `gpu` or `cpu`: where the steps that compute with a model run. `nodes` is `gpu` with a training that spans
        several nodes: its step launches a Kubeflow `TrainJob` and needs no GPU itself.

    Returns
    -------
    BaseComponent
        What kfp compiles.
    """
    device = device_of(profile)

    @dsl.pipeline(
        name=PIPELINE_NAME,
        description="Ingest, validate, engineer features, smoke-test, train, analyse, publish and probe a model.",
    )
    def training(
        source: str,
        data_fingerprint: str,
        model_root: str,
        problem: str = "",
        recipe: str = "full",
        backbone: str = "auto",
        seed: int = 0,
        model_name: str = "model",
        checkpoint_dir: str = f"{WORKSPACE_PATH}/checkpoints",
        feature_dir: str = f"{WORKSPACE_PATH}/features",
        workspace_claim: str = WORKSPACE_CLAIM,
    ) -> None:
        """Take a data set to a served model.

        Parameters
        ----------
        source
            Where the data are: digits, pets, a path or a URI.
        data_fingerprint
            Any text that changes when the data change: it keeps the cache honest.
        model_root
            A folder or URI that models are published to, s3://bucket/models for one.
        problem
            The problem file's text; empty where everything is inferred.
        recipe
            How to train: full, fine_tune or smoke.
        backbone
            auto, small_cnn, efficientnet_lite0, timm:<name>, char_ngrams, hf:<name>, mlp or <module>:<function>.
        seed
            Decides everything random.
        model_name
            Name of the model and of its endpoint: lower-case letters, digits and dashes.
        checkpoint_dir
            A folder or URI that outlives the run, for checkpoints.
        feature_dir
            A folder of the workspace for prepared examples; empty passes them between steps as a copy.
        workspace_claim
            The volume claim that steps mount at /mnt/pluszero.
        """
        inputs = check_inputs(
            source=source,
            problem=problem,
            data_fingerprint=data_fingerprint,
            recipe=recipe,
            backbone=backbone,
            seed=seed,
            model_name=model_name,
            checkpoint_dir=checkpoint_dir,
            feature_dir=feature_dir,
            model_root=model_root,
        ).set_display_name("check inputs")
        with_workspace(on_cpu(inputs, LIGHT), workspace_claim)

        ingestion = ingest_examples(
            source=source, problem=inputs.outputs["data_problem"], data_fingerprint=data_fingerprint
        ).set_display_name("ingest examples")
        retried(on_cpu(ingestion, DATA), times=2)
        ingestion_gate = gate_after(ingestion, "ingestion")

        validation = validate_examples(examples=ingestion.outputs["examples"]).after(ingestion_gate)
        on_cpu(validation.set_display_name("validate examples"), DATA)
        validation_gate = gate_after(validation, "validation")

        features = build_feature_store(
            examples=ingestion.outputs["examples"], backbone=backbone, feature_dir=feature_dir
        ).after(validation_gate)
        with_workspace(on_cpu(features.set_display_name("build feature store"), DATA), workspace_claim)

        smoke = smoke_test(
            features=features.outputs["features"],
            examples=ingestion.outputs["examples"],
            recipe=recipe,
            training=inputs.outputs["training"],
            budget=inputs.outputs["budget"],
            seed=seed,
            device=device,
        )
        with_workspace(on_gpu(smoke.set_display_name("smoke test"), SMOKE, profile=profile), workspace_claim)
        smoke_gate = gate_after(smoke, "smoke")

        settings = {
            "features": features.outputs["features"],
            "schema": validation.outputs["schema"],
            "statistics": validation.outputs["statistics"],
            "forecast": smoke.outputs["forecast"],
            "recipe": recipe,
            "training": inputs.outputs["training"],
            "seed": seed,
            "checkpoint_dir": checkpoint_dir,
        }
        if profile == "nodes":
            trained = on_cpu(
                train_on_nodes(**settings, node_image=image("training"), workspace_claim=workspace_claim), LAUNCHING
            )
        else:
            trained = on_gpu(train_model(**settings, device=device), TRAINING, profile=profile)
        with_workspace(trained.set_display_name("train model").after(smoke_gate), workspace_claim)
        # A node that goes away takes nothing with it: the next try goes on from the last checkpoint.
        retried(trained, times=3)

        analysis = evaluate_model(
            examples=ingestion.outputs["examples"],
            model=trained.outputs["model"],
            target=inputs.outputs["target"],
            device=device,
        ).set_display_name("evaluate model")
        on_gpu(analysis, DATA, profile=profile)
        analysis_gate = gate_after(analysis, "analysis")

        release = publish_model(
            model=trained.outputs["model"],
            evaluation=analysis.outputs["evaluation"],
            verdict=analysis.outputs["verdict"],
            model_name=model_name,
            model_root=model_root,
        ).after(analysis_gate)
        retried(on_cpu(release.set_display_name("publish model"), SERVING), times=3)

        probe = probe_server(
            model=release.outputs["published"],
            examples=ingestion.outputs["examples"],
            predictions=analysis.outputs["predictions"],
        ).set_display_name("probe server")
        on_cpu(probe, SERVING)
        gate_after(probe, "serving")

    return training
