"""The family's jobs: paths in, paths out. Each is imported when it is asked for: most steps need no trainer."""

import importlib
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
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

_MODULES = {
    "CheckedInputs": "inputs_job",
    "RankedSearch": "policy_ranking_job",
    "SmokeResult": "smoke_job",
    "TrainingResult": "training_job",
    "TrialResult": "policy_search",
    "check_inputs": "inputs_job",
    "plan_search": "policy_search",
    "rank_policies": "policy_ranking_job",
    "smoke_test": "smoke_job",
    "train_model": "training_job",
    "train_on_nodes": "nodes_job",
    "try_policy": "policy_trial_job",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"components.training.{_MODULES[name]}"), name)
