"""One short training with one augmentation policy, and how its network does on the validation rows."""

from dataclasses import dataclass, replace
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from components.modeling.gpu.devices import tensors_on
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.step_record import forget_step, tell_apart
from components.shared.runtime.workspace import mounted
from components.training.augmentation_search.trials import (
    SearchMetric,
    Trial,
    trial_from_text,
    TrialResult,
    write_trial_result,
)
from components.training.trainer.checkpoints import sole_trainer
from components.training.trainer.fit import FitResult
from components.training.training_config import TrainingConfig
from components.training.training_run import configured, planned_training, run_training

_BATCH_ROWS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialPaths:
    """What a trial reads, and the files that it writes.

    Attributes
    ----------
    features
        The feature store; its own augmentation policy is not used.
    result
        JSON file: the score of every validation row.
    metrics
        JSON file: accuracy, log loss and seconds.
    """

    features: str | Path
    result: str | Path
    metrics: str | Path


def try_augmentation_policy(
    paths: TrialPaths, *, trial: str, recipe: str, checkpoint_dir: str, device: str = "auto"
) -> TrialResult:
    """Train with one augmentation policy; a trial that was killed goes on from its last checkpoint.

    Parameters
    ----------
    paths
        What is read and written.
    trial
        JSON: augmentation policy, seed, budget and what the problem file says of training, as the search's plan has
        it.
    recipe
        How the full run will train; the trial has fewer epochs.
    checkpoint_dir
        A folder or URI that outlives this step, `pvc://CLAIM/PATH` among them: a loop gets the form's own.
    device
        `auto`, `cpu` or `cuda`.

    Raises
    ------
    ValueError
        If there are no images or no validation rows to judge by, or a setting is wrong.
    """
    chosen = trial_from_text(trial)
    tell_apart(f"{chosen.name}, seed {chosen.seed}")
    store = FeatureStore(paths.features)
    rows = store.indices("validation")
    if store.modality != "image":
        raise ValueError(f"policies are searched for images, but the examples are {store.modality}")
    if len(rows) < 2:
        raise ValueError(f"a search must have at least 2 labelled validation examples to judge by, got {len(rows)}")
    store = store.with_augmentation(chosen.policy)
    planned = planned_training(
        store, _budgeted(store, recipe, chosen), recipe, chosen.seed, mounted(checkpoint_dir), device
    )
    with sole_trainer(planned.folder) as lock:
        trained = run_training(planned, lock)
    result = _judged(chosen, store, rows, trained, planned.device)
    write_trial_result(paths.result, result)
    write_json(paths.metrics, result.metrics())
    # A trial is tried again where its node was lost: the error of that try is not the search's.
    forget_step()
    return result


def _budgeted(store: FeatureStore, recipe: str, trial: Trial) -> TrainingConfig:
    budget: dict[str, Any] = {
        "max_epochs": trial.epochs,
        "patience_epochs": trial.epochs,
        "max_examples": trial.max_examples,
    }
    return replace(configured(store, recipe, json.dumps(dict(trial.training))), **budget, num_processes=1, num_nodes=1)


def _judged(
    trial: Trial, store: FeatureStore, rows: np.ndarray, trained: FitResult, device: torch.device
) -> TrialResult:
    classifier = trained.classifier.to(device)
    logits = []
    with torch.inference_mode():
        for start in range(0, len(rows), _BATCH_ROWS):
            inputs = tensors_on(device, store.gather(rows[start : start + _BATCH_ROWS]))
            logits.append(classifier(*trained.features.tensors(inputs)).float().cpu())
    log_probabilities = torch.cat(logits).log_softmax(dim=1).numpy()
    labels = store.labels[rows]
    of_label = log_probabilities[np.arange(len(rows)), labels].astype(np.float64)
    is_right = (log_probabilities.argmax(axis=1) == labels).astype(np.float64)
    scores: dict[SearchMetric, np.ndarray] = {"accuracy": is_right, "log_loss": of_label}
    return TrialResult(
        trial=trial,
        scores=tuple(scores[trial.metric].tolist()),
        accuracy=float(is_right.mean()),
        log_loss=float(-of_label.mean()),
        duration_s=sum(epoch["duration_s"] for epoch in trained.curves),
    )
