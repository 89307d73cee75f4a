"""What a model answers, without torch: probabilities of classes or numbers in the label's unit, and embeddings.

Shapes: B examples, K classes, D embedding.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any

import numpy as np

from components.shared.runtime.errors import ContractError

# Key of the preprocessing, in a feature store and a bundle, that holds the scale of a number.
TARGET = "target"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What a model answers for B examples.

    `probabilities_BK`: shape (B, K), float32, each row sums to 1; K is 0 for a number. `numbers_B`: shape (B,),
    float64, in the label's unit; None for classes.
    """

    probabilities_BK: np.ndarray
    numbers_B: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction(Answers):
    """What a model says of B examples.

    `embeddings_BD`: shape (B, D), float32, what the head sees. `mutual_information_B`: shape (B,), float32, nats; None
    where it was not asked for.
    """

    embeddings_BD: np.ndarray
    mutual_information_B: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetScale:
    """Mean and standard deviation of the training labels, in their unit; the deviation is above 0."""

    mean: float
    std: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.mean) or not 0.0 < self.std < math.inf:
            raise ContractError(f"the target's mean and std must be finite, std above 0, got {self.mean}, {self.std}")

    def to_dict(self) -> dict[str, float]:
        """The scale as JSON values."""
        return {"mean": self.mean, "std": self.std}

    def answers(self, scaled_B: np.ndarray) -> Answers:
        """Numbers in the label's unit, of outputs on the training labels' scale, shape (B,), float32."""
        return Answers(
            probabilities_BK=np.empty((len(scaled_B), 0), np.float32),
            numbers_B=scaled_B.astype(np.float64) * self.std + self.mean,
        )


def target_scale_from(preprocessing: Mapping[str, Any]) -> TargetScale:
    """The scale that a bundle's or a store's preprocessing holds; ContractError if it is missing or none."""
    try:
        return TargetScale(**preprocessing[TARGET])
    except (KeyError, TypeError) as error:
        raise ContractError(f"preprocessing must have {TARGET} with mean and std: {error!r}") from error
