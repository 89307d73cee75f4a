"""The training pipeline: from raw data to a published, probed model, with a gate after every check."""

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from pipelines.steps.placement import ProfileName, WORKSPACE_CLAIM, WORKSPACE_PATH
from pipelines.steps.training_steps import checked_inputs, data_steps, FormValues, model_steps

PIPELINE_NAME = "pluszero-training"


def training_pipeline(profile: ProfileName) -> BaseComponent:
    """The training pipeline for one kind of cluster, as kfp compiles it.

    The profile `nodes` is `gpu` with a training that spans several nodes: its step launches a Kubeflow `TrainJob` and
    needs no GPU itself.
    """

    @dsl.pipeline(
        name=PIPELINE_NAME,
        description="Ingest, validate, engineer features, smoke-test, train, analyse, publish and probe a model.",
    )
    def training(
        source: str,
        model_root: str,
        data_fingerprint: str = "",
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
            Where the data are: digits, pets, a path or a URI, pvc://CLAIM/photos or s3://bucket/photos for one.
        data_fingerprint
            Any text that changes when the data change; empty for the fingerprint of what is there at the start.
        model_root
            A folder or URI that models are published to, s3://bucket/models or pvc://CLAIM/models for one.
        problem
            The problem file's text; empty where everything is inferred.
        recipe
            How to train: full, fine_tune or smoke.
        backbone
            auto, small_cnn, efficientnet_lite0, timm:<name>, char_ngrams, subwords, hf:<name>, mlp or
            <module>:<function>.
        seed
            Decides everything random.
        model_name
            Name of the model and of its endpoint: lower-case letters, digits and dashes.
        checkpoint_dir
            A folder or URI that outlives the run, for checkpoints.
        feature_dir
            A folder of the workspace for prepared examples; empty passes them between steps as a copy.
        workspace_claim
            The volume claim that steps mount at /mnt/pluszero: the CLAIM of pvc:// URIs.
        """
        form: FormValues = {
            "source": source,
            "data_fingerprint": data_fingerprint,
            "recipe": recipe,
            "backbone": backbone,
            "seed": seed,
            "model_name": model_name,
            "model_root": model_root,
            "checkpoint_dir": checkpoint_dir,
            "feature_dir": feature_dir,
            "workspace_claim": workspace_claim,
        }
        inputs = checked_inputs(form, problem)
        data = data_steps(form, inputs)
        model_steps(form, inputs, data, profile)

    return training
