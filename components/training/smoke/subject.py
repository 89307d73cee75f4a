"""The subject of a smoke test: a training, cut down to a tiny sample of its examples."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from components.modeling.classifier import Classifier
from components.modeling.features import Features, features_from
from components.modeling.gpu.devices import tensors_on
from components.modeling.task import stored_task, Task
from components.shared.contracts.example_table import ExampleTable
from components.shared.feature_store.store import FeatureStore
from components.training.trainer.checkpoints import CheckpointFolder
from components.training.trainer.fit import fit, FitResult, untrained_classifier
from components.training.trainer.tiny_sample import tiny_sample
from components.training.training_config import TrainingConfig

SAMPLE = 64
BATCH = 16
_STEPS = 4


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A training that is to be checked before it is paid for: the full run's config, seed and device."""

    store: FeatureStore
    config: TrainingConfig
    seed: int
    device: torch.device
    scratch: Path  # a folder for what the checks write
    table: ExampleTable | None = None  # the raw examples; None where they are not at hand

    @cached_property
    def features(self) -> Features:
        """How examples are prepared."""
        return features_from(self.store.modality, self.store.preparation["preprocessing"], self.store.path)

    @cached_property
    def task(self) -> Task:
        """What the network is asked for."""
        return stored_task(self.store)

    @cached_property
    def tiny(self) -> TrainingConfig:
        """The config for one epoch on the sample, a few steps; examples are prepared in this process."""
        size = min(self.config.max_examples or SAMPLE, SAMPLE)
        num_examples = min(len(self.store.indices("train")), size)
        batch = max(min(self.config.batch_size, BATCH, num_examples // _STEPS), 2)
        return replace(self.config, max_epochs=1, max_examples=size, batch_size=batch, num_workers=0, compile=False)

    @cached_property
    def rows(self) -> np.ndarray:
        """Shape (N,), int: the sample's training rows, N at most `SAMPLE`."""
        store = self.store
        return tiny_sample(store.indices("train"), store.labels, max_examples=self.tiny.max_examples)

    @cached_property
    def batch_rows(self) -> np.ndarray:
        """Shape (B,), int: one batch of them, B at most `BATCH`."""
        return tiny_sample(self.rows, self.store.labels, max_examples=BATCH)

    def network(self) -> Classifier:
        """The network as training begins with it, built anew, in training mode, on the device."""
        classifier = untrained_classifier(self.store, self.features, self.tiny, self.seed, self.rows)
        return classifier.to(self.device).train()

    def tensors(self, inputs: Mapping[str, np.ndarray]) -> tuple[torch.Tensor, ...]:
        """What the network takes, on the device."""
        return self.features.tensors(tensors_on(self.device, inputs))

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, ...]:
        """What the network takes of some rows."""
        return self.tensors(self.store.gather(rows))

    def labels(self, rows: np.ndarray) -> torch.Tensor:
        """Shape (B,), int64 or float32: what the loss takes for the labels of some rows, on the device."""
        return torch.from_numpy(self.task.targets(self.store.labels[rows])).to(self.device)

    def train(self, name: str, config: TrainingConfig, *, store: FeatureStore | None = None) -> FitResult:
        """Train with the trainer of the full run, in the folder `name` of the scratch."""
        folder = CheckpointFolder(uri=str(self.scratch / name))
        return fit(store or self.store, config, seed=self.seed, device=self.device, checkpoints=folder)

    @cached_property
    def one_epoch(self) -> FitResult:
        """One epoch on the sample."""
        return self.train("one-epoch", self.tiny)


def evaluated_logits(network: Classifier, tensors: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Logits of the shape (B, K) without gradients, in the network's mode, in full float32 also on a GPU."""
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        logits_BK: torch.Tensor = network(*tensors).float()
    return logits_BK
