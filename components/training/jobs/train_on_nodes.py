"""Trains on several nodes: launches a Kubeflow `TrainJob`, stays with it, and writes the model bundle."""

from dataclasses import dataclass, field
from pathlib import Path

from components.shared.contracts.cluster_spec import StepSize
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.container_images import image_pull_secrets
from components.shared.runtime.gpu_placement import DEFAULT_NODES, QUEUE, WORKSPACE_PATH
from components.training.kubeflow_job.cluster import ClusterBackend
from components.training.kubeflow_job.launch import launch_train_job
from components.training.kubeflow_job.train_job import train_job_name, TrainJob
from components.training.trainer.fit import finished
from components.training.trainer.worker import TrainingRequest, worker_command
from components.training.training_run import (
    configured,
    planned_training,
    PlannedTraining,
    TrainingInputs,
    TrainingOutputs,
    TrainingResult,
    write_outputs,
)

_TIMEOUT_S = 7 * 24 * 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodes:
    """The nodes' container image and size, the volume claim that they mount, and the secret for object stores."""

    image: str
    workspace_claim: str
    secret: str
    size: StepSize = field(default_factory=StepSize)


def train_on_nodes(
    inputs: TrainingInputs,
    outputs: TrainingOutputs,
    nodes: Nodes,
    *,
    recipe: str,
    training: str,
    seed: int,
    checkpoint_dir: str,
    warm_start: str = "",
) -> TrainingResult:
    """Train on several nodes, and write the model bundle.

    The step itself needs no GPU. It launches the job, relays its log, waits for it, and deletes it when it is itself
    told to stop. A step that is tried again takes over the job that runs, and pays for nothing twice.

    Parameters
    ----------
    inputs, outputs
        What is read and written. The feature store lies on the workspace: every node reads it there.
    nodes
        What the nodes run and mount.
    recipe, seed, warm_start
        See `train_model`.
    training
        See `train_model`; it also says how many nodes (`num_nodes`, 2 where it says nothing) and GPUs a node
        (`num_processes`, 1) there are.
    checkpoint_dir
        A folder of the workspace, or a URI.

    Raises
    ------
    ValueError
        If the feature store or the checkpoints are where nodes cannot see them, or a setting is wrong.
    TrainJobError
        If the job failed or took too long; the message has its last lines.
    """
    store = FeatureStore(inputs.features)
    config = configured(store, recipe, training, warm_start)
    planned = planned_training(store, config, recipe, seed, checkpoint_dir, "cpu", on_gpu_nodes=True)
    _check_seen_by_nodes("the feature store", str(planned.store.path))
    _check_seen_by_nodes("checkpoint_dir", checkpoint_dir)
    resumed = planned.folder.usable() is not None
    launch_train_job(_train_job(planned, nodes), ClusterBackend())
    result = finished(planned.store, planned.config, checkpoints=planned.folder, resumed=resumed)
    return write_outputs(planned, result, inputs, outputs)


def _train_job(planned: PlannedTraining, nodes: Nodes) -> TrainJob:
    request = TrainingRequest(
        features_path=str(planned.store.path),
        config=planned.config,
        seed=planned.seed,
        device="cuda",
        checkpoints_uri=planned.folder.uri,
    )
    return TrainJob(
        name=train_job_name(planned.folder.uri.rstrip("/").rpartition("/")[2]),
        command=("torchrun", *worker_command(request.write())),
        image=nodes.image,
        size=nodes.size,
        timeout_s=_TIMEOUT_S,
        num_nodes=planned.config.num_nodes if planned.config.num_nodes > 1 else DEFAULT_NODES,
        gpus_per_node=planned.config.num_processes or 1,
        workspace_claim=nodes.workspace_claim,
        secret=nodes.secret,
        queue=QUEUE,
        pull_secrets=image_pull_secrets(),
    )


def _check_seen_by_nodes(what: str, place: str) -> None:
    if "://" not in place and not Path(place).is_relative_to(WORKSPACE_PATH):
        raise ValueError(f"{what} must lie on the workspace, {WORKSPACE_PATH}, where all nodes see it, got {place}")
