"""Trains on one node, and writes the model bundle, the report and TensorBoard's logs."""

import tempfile

from components.modeling.gpu.preflight import require_gpu
from components.shared.feature_store.store import FeatureStore
from components.training.trainer.checkpoints import sole_trainer
from components.training.training_run import (
    configured,
    planned_training,
    run_training,
    TrainingInputs,
    TrainingOutputs,
    TrainingResult,
    write_outputs,
)


def train_model(
    inputs: TrainingInputs,
    outputs: TrainingOutputs,
    *,
    recipe: str,
    training: str,
    seed: int,
    checkpoint_dir: str,
    device: str = "auto",
    warm_start: str = "",
) -> TrainingResult:
    """Train on this node, and write the model bundle.

    A run that was killed goes on from its last checkpoint: checkpoints lie under a name made of code, data, recipe
    and seed, and only one trainer works on them at a time.

    Parameters
    ----------
    inputs, outputs
        What is read and written.
    recipe
        One of the recipes.
    training
        JSON: what the problem file changes of it; empty for nothing.
    seed
        Decides everything random.
    checkpoint_dir
        A folder or URI that outlives this step.
    device
        `auto`, `cpu` or `cuda`.
    warm_start
        A bundle, path or URI, whose weights training starts from, whatever the problem file says; empty for what that
        says.

    Raises
    ------
    ValueError
        If recipe, settings or device are unknown, there is nothing to learn from, or the loss is not finite.
    TrainingInterruptedError
        If the process was told to stop (SIGTERM); the same call again goes on.
    """
    if device == "cuda":
        # The smoke test may have run on another node.
        require_gpu([tempfile.gettempdir()])
    store = FeatureStore(inputs.features)
    planned = planned_training(
        store, configured(store, recipe, training, warm_start), recipe, seed, checkpoint_dir, device
    )
    if planned.config.num_nodes > 1:
        raise ValueError(
            f"num_nodes must be 1 where training runs within its step, got {planned.config.num_nodes}: "
            "run the pipeline's version for several nodes, training-nodes"
        )
    with sole_trainer(planned.folder) as lock:
        result = run_training(planned, lock)
        return write_outputs(planned, result, inputs, outputs)
