"""The training pipeline: from raw data to a published, probed model, with a gate after every check."""

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from pipelines.layers.chain import checked_data, layers_of, released_model, STEP_NAMES
from pipelines.steps.gates import run_page
from pipelines.steps.inputs import checked_inputs, FormValues
from pipelines.steps.placement import ProfileName, WORKSPACE_CLAIM, WORKSPACE_PATH

PIPELINE_NAME = "pluszero-training"


def training_pipeline(profile: ProfileName) -> BaseComponent:
    """The training pipeline for one kind of cluster, as kfp compiles it.

    The profile `nodes` is `gpu` with a training that spans several nodes: its step launches a Kubeflow `TrainJob` and
    needs no GPU itself.
    """
    layers = layers_of(profile)

    @dsl.pipeline(
        name=PIPELINE_NAME,
        description="Ingest, validate, engineer features, smoke-test, train, analyse, publish and probe a model.",
    )
    def training(
        model_data: str,
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
        model_data
            What the model learns from: digits, pets, a path or a URI, pvc://CLAIM/photos or s3://bucket/photos for one.
        data_fingerprint
            Any text that changes when the data change; empty for the fingerprint of what is there at the start.
        model_root
            A folder or URI that models are published to, s3://bucket/models or pvc://CLAIM/models for one.
        problem
            The problem file: its URI, s3://bucket/problem.yaml or pvc://CLAIM/problem.yaml, or its text, YAML or JSON;
            empty where everything is inferred.
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
            "source": model_data,
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
        with dsl.ExitHandler(run_page("training", STEP_NAMES, claim=workspace_claim), name="training run"):
            inputs = checked_inputs(form, problem)
            data = checked_data(layers, form, inputs)
            released_model(layers, form, inputs, data, features=data)

    return training
