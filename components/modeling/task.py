"""What a network is asked for, a class or a number: its outputs, targets, loss, scores and answers, in one place.

A number is learnt on the scale of the training labels, with mean 0 and standard deviation 1, and answered in its own
unit.

Shapes: N or B examples, K outputs: a logit a class, or one number.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from components.modeling.answers import Answers, target_scale_from, TargetScale
from components.shared.feature_store.store import FeatureStore


class Task(ABC):
    """What training, analysis and serving ask of a task."""

    is_regression = False
    # The scores of held-out examples beside the loss; the mean over the examples is the epoch's.
    score_name: str

    @property
    @abstractmethod
    def num_outputs(self) -> int:
        """K, the outputs that a network must have."""

    @abstractmethod
    def targets(self, labels_N: np.ndarray) -> np.ndarray:
        """What the loss takes for the labels of a feature store, shape (N,)."""

    @abstractmethod
    def weights(self, labels_N: np.ndarray, *, balanced: bool) -> np.ndarray:
        """Weights of the examples in the loss, shape (N,), float64, above 0, 1 in the mean."""

    @abstractmethod
    def losses(
        self, outputs_BK: torch.Tensor, targets_B: torch.Tensor, *, label_smoothing: float = 0.0
    ) -> torch.Tensor:
        """Loss of every example, shape (B,), float32."""

    @abstractmethod
    def scores(self, outputs_BK: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
        """`score_name` of every example, shape (B,), float32."""

    @abstractmethod
    def chance_losses(self, targets_N: np.ndarray, weights_N: np.ndarray) -> tuple[float, float]:
        """Mean losses of two answers that no input was looked at for, the better one first."""

    @abstractmethod
    def lowest_loss(self, label_smoothing: float) -> float:
        """The loss of a perfect answer."""

    @abstractmethod
    def answers(self, outputs_BK: torch.Tensor) -> Answers:
        """What the outputs mean."""

    @abstractmethod
    def differences(self, first: Answers, second: Answers) -> np.ndarray:
        """How far two answers lie apart, shape (B,), 0 or more, in a unit that means the same for every problem."""


class ClassTask(Task):
    """One of K classes: a logit each, cross-entropy, probabilities.

    `ValueError` where there are fewer than two.
    """

    score_name = "val_accuracy"

    def __init__(self, num_classes: int) -> None:
        if num_classes < 2:
            raise ValueError(f"num_classes must be at least 2, got {num_classes}")
        self._num_classes = num_classes

    @property
    def num_outputs(self) -> int:
        """The classes."""
        return self._num_classes

    def targets(self, labels_N: np.ndarray) -> np.ndarray:
        """The class indices themselves, int64."""
        return labels_N

    def weights(self, labels_N: np.ndarray, *, balanced: bool) -> np.ndarray:
        """The weights of their classes; see `class_weights`."""
        by_class = class_weights(labels_N, num_classes=self._num_classes, balanced=balanced)
        weights: np.ndarray = by_class[labels_N]
        return weights

    def losses(
        self, outputs_BK: torch.Tensor, targets_B: torch.Tensor, *, label_smoothing: float = 0.0
    ) -> torch.Tensor:
        """Cross-entropy, in nats."""
        return functional.cross_entropy(
            outputs_BK.float(), targets_B, reduction="none", label_smoothing=label_smoothing
        )

    def scores(self, outputs_BK: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
        """1 where the likeliest class is right, else 0."""
        return (outputs_BK.argmax(dim=1) == targets_B).float()

    def chance_losses(self, targets_N: np.ndarray, weights_N: np.ndarray) -> tuple[float, float]:
        """Guessing by the classes' shares, and a uniform guess."""
        shares = np.bincount(targets_N, weights=weights_N, minlength=self._num_classes) / weights_N.sum()
        return _entropy(shares), math.log(self._num_classes)

    def lowest_loss(self, label_smoothing: float) -> float:
        """The entropy of the smoothed target, nats; 0 without smoothing."""
        targets = np.full(self._num_classes, label_smoothing / self._num_classes)
        targets[0] += 1.0 - label_smoothing
        return _entropy(targets)

    def answers(self, outputs_BK: torch.Tensor) -> Answers:
        """Probabilities."""
        return Answers(probabilities_BK=outputs_BK.float().softmax(dim=1).cpu().numpy())

    def differences(self, first: Answers, second: Answers) -> np.ndarray:
        """The probability that went over to other classes, 0 to 1: half the sum of the changes."""
        changed_BK = np.abs(first.probabilities_BK - second.probabilities_BK)
        return np.asarray(changed_BK.sum(axis=1) / 2)


class NumberTask(Task):
    """A number: one output on the training labels' scale, squared error, the number in its own unit."""

    is_regression = True
    score_name = "val_mae"

    def __init__(self, scale: TargetScale) -> None:
        self.scale = scale

    @property
    def num_outputs(self) -> int:
        """One."""
        return 1

    def targets(self, labels_N: np.ndarray) -> np.ndarray:
        """The scaled labels, float32."""
        scaled: np.ndarray = (labels_N.astype(np.float64) - self.scale.mean) / self.scale.std
        return scaled.astype(np.float32)

    def weights(self, labels_N: np.ndarray, *, balanced: bool) -> np.ndarray:
        """1 each; ValueError where they are to be balanced, which classes alone can be."""
        if balanced:
            raise ValueError("class_weighting must be none where the label is a number, got balanced")
        return np.ones(len(labels_N))

    def losses(
        self, outputs_BK: torch.Tensor, targets_B: torch.Tensor, *, label_smoothing: float = 0.0
    ) -> torch.Tensor:
        """Squared error on the training labels' scale: 1 in the mean for always answering their mean."""
        if label_smoothing:
            raise ValueError(f"label_smoothing must be 0 where the label is a number, got {label_smoothing}")
        return (outputs_BK[:, 0].float() - targets_B.float()) ** 2

    def scores(self, outputs_BK: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
        """The absolute error, in the label's unit."""
        return (outputs_BK[:, 0].float() - targets_B.float()).abs() * self.scale.std

    def chance_losses(self, targets_N: np.ndarray, weights_N: np.ndarray) -> tuple[float, float]:
        """Always answering the training mean, twice."""
        loss = float(np.average(targets_N.astype(np.float64) ** 2, weights=weights_N))
        return loss, loss

    def lowest_loss(self, label_smoothing: float) -> float:
        """0."""
        return 0.0

    def answers(self, outputs_BK: torch.Tensor) -> Answers:
        """Numbers in the label's unit."""
        return self.scale.answers(outputs_BK[:, 0].float().cpu().numpy())

    def differences(self, first: Answers, second: Answers) -> np.ndarray:
        """The change in standard deviations of the training labels."""
        assert first.numbers_B is not None
        assert second.numbers_B is not None
        return np.asarray(np.abs(first.numbers_B - second.numbers_B) / self.scale.std)


def task_from(name: str, class_names: Sequence[str], preprocessing: Mapping[str, Any]) -> Task:
    """The task of a bundle or feature store.

    Parameters
    ----------
    name
        `tabular_regression`, `image_classification` and so on.
    class_names
        In the order of the outputs; none for a number.
    preprocessing
        How examples are prepared; for a number it holds the scale, under `target`.

    Raises
    ------
    ContractError
        If the scale is missing or none.
    ValueError
        If there are fewer than two classes.
    """
    if not name.endswith("_regression"):
        return ClassTask(len(class_names))
    return NumberTask(target_scale_from(preprocessing))


def stored_task(store: FeatureStore) -> Task:
    """The task of a feature store; see `task_from`."""
    return task_from(store.task, store.class_names, store.preparation.get("preprocessing", {}))


def fit_target_scale(labels_N: np.ndarray) -> TargetScale:
    """Mean and standard deviation of the training labels, shape (N,), float64, `nan` where unlabelled.

    `ValueError` where there is no label, or all are equal: there is nothing to learn.
    """
    known = labels_N[np.isfinite(labels_N)]
    if not len(known) or known.min() == known.max():
        found = f"{len(known)} labels, all {known[0]:g}" if len(known) else "no label"
        raise ValueError(f"the training labels must be numbers that differ, got {found}")
    return TargetScale(mean=float(known.mean()), std=float(known.std()))


def class_weights(labels: np.ndarray, *, num_classes: int, balanced: bool) -> np.ndarray:
    """Weight of every class in the loss, shape (K,), float64: 1, or `balanced` inversely to its number of rows.

    Balanced, every class present weighs the same in all, and the mean weight of a row is 1; a class without rows has 1.

    King and Zeng, "Logistic Regression in Rare Events Data" (2001), section 4.2; scikit-learn's
    `class_weight="balanced"`.
    """
    counts = np.bincount(labels, minlength=num_classes)
    weights = np.ones(num_classes)
    if balanced:
        present = counts > 0
        weights[present] = len(labels) / (present.sum() * counts[present])
    return weights


def _entropy(shares: np.ndarray) -> float:
    """In nats, of shares that add up to 1."""
    return float(torch.special.entr(torch.from_numpy(shares)).sum())
