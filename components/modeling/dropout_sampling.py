"""Monte Carlo dropout: how far a model's answers differ where another part of the network is left out each time.

Shapes: T passes, B examples, K classes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd


@dataclass(frozen=True, kw_only=True, slots=True)
class DropoutSampling:
    """How often a batch is answered with dropout, and the seed of what is left out; `num_passes` is 2 or more."""

    num_passes: int
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_passes < 2:
            raise ValueError(f"dropout passes must be at least 2, got {self.num_passes}")


def has_dropout(network: nn.Module) -> bool:
    """Whether a network leaves anything out when it trains."""
    return any(isinstance(module, _DropoutNd) and module.p > 0 for module in network.modules())


@contextmanager
def dropout_active(network: nn.Module, sampling: DropoutSampling, device: torch.device) -> Iterator[None]:
    """Let dropout act as in training, with random numbers of its own; all else stays in evaluation mode."""
    parts = [module for module in network.modules() if isinstance(module, _DropoutNd)]
    before = [module.training for module in parts]
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(sampling.seed)
        try:
            for module in parts:
                module.train()
            yield
        finally:
            for module, was_training in zip(parts, before, strict=True):
                module.train(was_training)


def mutual_information(probabilities_TBK: np.ndarray) -> np.ndarray:
    """What the label of each example would tell of the model, shape (B,), float32, in nats, from 0 to log K.

    The entropy of the mean answer less the mean entropy of the answers: large where passes are sure of different
    classes, small where all are unsure alike.

    References
    ----------
    Houlsby et al., "Bayesian Active Learning for Classification and Preference Learning" (2011); Gal, Islam,
    Ghahramani, "Deep Bayesian Active Learning with Image Data" (2017).
    """
    of_mean = _entropy(probabilities_TBK.mean(axis=0, dtype=np.float64))
    mean_of = _entropy(probabilities_TBK.astype(np.float64)).mean(axis=0)
    return np.maximum(of_mean - mean_of, 0.0).astype(np.float32)


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    logs = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    entropy: np.ndarray = -(probabilities * logs).sum(axis=-1)
    return entropy
