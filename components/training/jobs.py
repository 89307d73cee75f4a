"""The family's jobs: paths in, paths out."""

from components.training.inputs_job import check_inputs, CheckedInputs
from components.training.nodes_job import train_on_nodes
from components.training.policy_ranking_job import rank_policies, RankedSearch
from components.training.policy_search import plan_search, TrialResult
from components.training.policy_trial_job import try_policy
from components.training.smoke_job import smoke_test, SmokeResult
from components.training.training_job import train_model, TrainingResult

__all__ = [
    "CheckedInputs",
    "RankedSearch",
    "SmokeResult",
    "TrainingResult",
    "TrialResult",
    "check_inputs",
    "plan_search",
    "rank_policies",
    "smoke_test",
    "train_model",
    "train_on_nodes",
    "try_policy",
]
