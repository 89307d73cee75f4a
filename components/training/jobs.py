"""The family's jobs: paths in, paths out."""

from components.training.inputs_job import check_inputs, CheckedInputs
from components.training.nodes_job import train_on_nodes
from components.training.smoke_job import smoke_test, SmokeResult
from components.training.training_job import train_model, TrainingResult

__all__ = [
    "CheckedInputs",
    "SmokeResult",
    "TrainingResult",
    "check_inputs",
    "smoke_test",
    "train_model",
    "train_on_nodes",
]
