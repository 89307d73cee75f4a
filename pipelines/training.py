"""The training pipeline: from raw data to a published, probed model, with a gate after every check."""

from kfp import dsl
from kfp.dsl import PipelineTask
from kfp.dsl.base_component import BaseComponent

from components.data_ingestion.component import ingest_examples
from components.data_validation.component import validate_examples
from components.feature_engineering.component import build_feature_store
from components.model_analysis.component import evaluate_model
from components.quality_gate.component import quality_gate
from components.serving.component import probe_server, publish_model
from components.training.component import check_inputs, smoke_test, train_model
from pipelines.placement import DATA, LIGHT, on_cpu, on_gpu, ProfileName, SERVING, SMOKE, TRAINING


def training_pipeline(profile: ProfileName) -> BaseComponent:
    """The training pipeline for one kind of cluster.

    Parameters
    ----------
    profile
        `gpu` or `cpu`: where the steps that compute with a model run.

    Returns
    -------
    BaseComponent
        What kfp compiles.
    """

    @dsl.pipeline(
        name="pluszero-training",
        description="Ingest, validate, engineer features, smoke-test, train, analyse, publish and probe a model.",
    )
    def training(
        source: str,
        data_fingerprint: str,
        checkpoint_dir: str,
        model_root: str,
        problem: str = "",
        recipe: str = "full",
        backbone: str = "auto",
        seed: int = 0,
        model_name: str = "model",
    ) -> None:
        """Take a data set to a served model.

        Parameters
        ----------
        source
            Where the data are: digits, pets, a path or a URI.
        data_fingerprint
            Any text that changes when the data change: it keeps the cache honest.
        checkpoint_dir
            A folder or URI that outlives the run, for checkpoints.
        model_root
            A folder or URI that models are published to.
        problem
            The problem file's text; empty where everything is inferred.
        recipe
            How to train: full, fine_tune or smoke.
        backbone
            auto, small_cnn, efficientnet_lite0 or timm:<name>.
        seed
            Decides everything random.
        model_name
            Name of the model and of its endpoint: lower-case letters, digits and dashes.
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
            model_root=model_root,
        ).set_display_name("check inputs")
        on_cpu(inputs, LIGHT)

        ingestion = ingest_examples(
            source=source, problem=inputs.outputs["data_problem"], data_fingerprint=data_fingerprint
        ).set_display_name("ingest examples")
        on_cpu(ingestion, DATA)
        ingestion_gate = _gate(ingestion, "ingestion")

        validation = validate_examples(examples=ingestion.outputs["examples"]).after(ingestion_gate)
        on_cpu(validation.set_display_name("validate examples"), DATA)
        validation_gate = _gate(validation, "validation")

        features = build_feature_store(examples=ingestion.outputs["examples"], backbone=backbone)
        on_cpu(features.after(validation_gate).set_display_name("build feature store"), DATA)

        smoke = smoke_test(features=features.outputs["features"], recipe=recipe, seed=seed)
        on_gpu(smoke.set_display_name("smoke test"), SMOKE, profile=profile)
        smoke_gate = _gate(smoke, "smoke")

        trained = train_model(
            features=features.outputs["features"],
            schema=validation.outputs["schema"],
            statistics=validation.outputs["statistics"],
            recipe=recipe,
            seed=seed,
            checkpoint_dir=checkpoint_dir,
        ).after(smoke_gate)
        on_gpu(trained.set_display_name("train model"), TRAINING, profile=profile)

        analysis = evaluate_model(
            examples=ingestion.outputs["examples"],
            model=trained.outputs["model"],
            target=inputs.outputs["target"],
        ).set_display_name("evaluate model")
        on_gpu(analysis, DATA, profile=profile)
        analysis_gate = _gate(analysis, "analysis")

        release = publish_model(
            model=trained.outputs["model"],
            evaluation=analysis.outputs["evaluation"],
            verdict=analysis.outputs["verdict"],
            model_name=model_name,
            model_root=model_root,
        ).after(analysis_gate)
        on_cpu(release.set_display_name("publish model"), SERVING)

        probe = probe_server(
            model=release.outputs["published"],
            examples=ingestion.outputs["examples"],
            predictions=analysis.outputs["predictions"],
        ).set_display_name("probe server")
        on_cpu(probe, SERVING)
        _gate(probe, "serving")

    return training


def _gate(check: PipelineTask, name: str) -> PipelineTask:
    """The step that stops the run where a check has failed; what follows hangs behind it."""
    return on_cpu(quality_gate(verdict=check.outputs["verdict"]).set_display_name(f"gate: {name}"), LIGHT)
