"""The layer `training`: the full training, on one node or on several."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from components.shared.runtime.container_images import image
from components.training.component import train_model, train_on_nodes
from pipelines.steps.placement import (
    Access,
    called,
    device_of,
    LAUNCHING,
    model_size,
    on_cpu,
    on_gpu,
    ProfileName,
    retried,
    training_size,
    with_access,
)


class TrainingOutputs(NamedTuple):
    """What the layer hands on: the model bundle."""

    model: dsl.Model


def training_layer(profile: ProfileName) -> BaseComponent:
    """The layer for one kind of cluster, as kfp compiles it."""

    @dsl.pipeline(name="training", description="Train the model; a lost node costs at most what no checkpoint holds.")
    def training_steps(
        features: dsl.Input[dsl.Dataset],
        schema: dsl.Input[dsl.Artifact],
        statistics: dsl.Input[dsl.Artifact],
        splits: dsl.Input[dsl.Artifact],
        forecast: dsl.Input[dsl.Artifact],
        recipe: str,
        training: str,
        seed: int,
        checkpoint_dir: str,
        warm_start: str,
        workspace_claim: str,
        secret: str,
        gpus: str,
        cpu: str,
        cpu_limit: str,
        memory: str,
        memory_limit: str,
    ) -> TrainingOutputs:  # type: ignore[valid-type]
        """From prepared examples to a model bundle.

        Parameters
        ----------
        features
            The feature store.
        schema, statistics, splits
            What the data look like, and which row belongs to which split: the bundle keeps it.
        forecast
            What the training is expected to cost.
        recipe, training, seed
            How to train; what the problem file changes of it, as JSON.
        checkpoint_dir
            A folder or URI that outlives the run.
        warm_start
            A bundle whose weights training starts from; empty for what the problem file says.
        workspace_claim
            The volume claim that steps mount.
        secret
            The secret for outside data.
        gpus
            GPUs of the node that trains.
        cpu, cpu_limit, memory, memory_limit
            What steps ask of a node, and the most that they may take.
        """
        settings = {
            "features": features,
            "schema": schema,
            "statistics": statistics,
            "splits": splits,
            "forecast": forecast,
            "recipe": recipe,
            "training": training,
            "seed": seed,
            "checkpoint_dir": checkpoint_dir,
            "warm_start": warm_start,
        }
        if profile == "nodes":
            size = LAUNCHING
            node = {"cpu": cpu, "cpu_limit": cpu_limit, "memory": memory, "memory_limit": memory_limit}
            where = {"node_image": image("training"), "workspace_claim": workspace_claim, "secret": secret}
            trained = train_on_nodes(**settings, **where, **node)
            on_cpu(trained, size)
        else:
            size = training_size(model_size(cpu, cpu_limit, memory, memory_limit))
            trained = train_model(**settings, device=device_of(profile))
            on_gpu(trained, size, profile=profile, gpus=gpus)
        with_access(called(trained, "train model"), Access(claim=workspace_claim, secret=secret))
        # A node that goes away takes nothing with it: the next try goes on from the last checkpoint.
        retried(trained, size, times=3)
        return TrainingOutputs(model=trained.outputs["model"])

    return training_steps
