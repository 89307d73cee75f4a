"""What a model says as KServe's answers: labels and probabilities of classes, or numbers.

Shapes: N examples, K classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from kserve import InferOutput
import numpy as np

from components.modeling.answers import Answers, Prediction
from components.modeling.prepared_model import PreparedModel
from components.shared.contracts.operating_threshold import OperatingThreshold

PROBABILITIES, LABEL, PREDICTION = "probabilities", "label", "prediction"


class AnswerFormat(ABC):
    """How one kind of model answers."""

    @property
    @abstractmethod
    def output_types(self) -> list[dict[str, Any]]:
        """Outputs of V2, for the metadata endpoint."""

    @abstractmethod
    def labels(self, answers: Answers) -> list[str] | None:
        """The class of each example; None of a model of numbers."""

    @abstractmethod
    def predictions(self, answers: Answers, labels: Sequence[str] | None) -> list[dict[str, Any]]:
        """V1: an object an example, of the answers and their `labels`."""

    @abstractmethod
    def outputs(self, answers: Answers, labels: Sequence[str] | None) -> dict[str, InferOutput]:
        """V2: all outputs by name."""

    @property
    def names(self) -> list[str]:
        """Names of the outputs."""
        return [str(output["name"]) for output in self.output_types]


class ClassFormat(AnswerFormat):
    """`probabilities` FP32 [N, K] in the order of the classes, and `label` BYTES [N].

    The label is the most probable class, or of a model of two classes what its threshold makes of it.
    """

    def __init__(self, class_names: Sequence[str], threshold: OperatingThreshold | None = None) -> None:
        self._class_names = tuple(class_names)
        self._threshold = threshold

    @property
    def output_types(self) -> list[dict[str, Any]]:
        """Probabilities and labels."""
        return [
            {"name": PROBABILITIES, "datatype": "FP32", "shape": [-1, len(self._class_names)]},
            {"name": LABEL, "datatype": "BYTES", "shape": [-1]},
        ]

    def predictions(self, answers: Answers, labels: Sequence[str] | None) -> list[dict[str, Any]]:
        """`{"label": "cat", "probabilities": {"cat": 0.98, "dog": 0.02}}` an example."""
        rows = [dict(zip(self._class_names, row, strict=True)) for row in answers.probabilities_BK.tolist()]
        return [{LABEL: label, PROBABILITIES: row} for label, row in zip(labels or (), rows, strict=True)]

    def outputs(self, answers: Answers, labels: Sequence[str] | None) -> dict[str, InferOutput]:
        """Probabilities and labels."""
        probabilities_NK = answers.probabilities_BK
        return {
            PROBABILITIES: InferOutput(
                PROBABILITIES, list(probabilities_NK.shape), "FP32", data=probabilities_NK.ravel().tolist()
            ),
            LABEL: InferOutput(LABEL, [len(probabilities_NK)], "BYTES", data=list(labels or ())),
        }

    def labels(self, answers: Answers) -> list[str]:
        """The most probable class, or what the threshold makes of it."""
        probabilities_NK = answers.probabilities_BK
        if self._threshold is None:
            return [self._class_names[index] for index in probabilities_NK.argmax(axis=1)]
        positive = self._threshold.positive
        reached_N = probabilities_NK[:, positive] >= self._threshold.value
        return [self._class_names[positive if reached else 1 - positive] for reached in reached_N]


class NumberFormat(AnswerFormat):
    """`prediction` FP32 [N]."""

    @property
    def output_types(self) -> list[dict[str, Any]]:
        """The number."""
        return [{"name": PREDICTION, "datatype": "FP32", "shape": [-1]}]

    def labels(self, answers: Answers) -> None:
        """None: a number has no class."""

    def predictions(self, answers: Answers, labels: Sequence[str] | None) -> list[dict[str, Any]]:
        """`{"prediction": 12.3}` an example."""
        return [{PREDICTION: number} for number in _numbers(answers).tolist()]

    def outputs(self, answers: Answers, labels: Sequence[str] | None) -> dict[str, InferOutput]:
        """The numbers."""
        numbers_N = _numbers(answers).astype(np.float32)
        return {PREDICTION: InferOutput(PREDICTION, [len(numbers_N)], "FP32", data=numbers_N.tolist())}


def answer_format(model: PreparedModel, threshold: OperatingThreshold | None = None) -> AnswerFormat:
    """The format of a model's answers; `threshold` decides the label of a model of two classes."""
    return NumberFormat() if model.config.is_regression else ClassFormat(model.class_names, threshold)


class PredictionParts:
    """Predictions of many rows, cut and joined."""

    def rows(self, answers: Prediction, start: int, stop: int) -> Prediction:
        """The answers to some of the rows."""
        numbers = answers.numbers_B
        return Prediction(
            probabilities_BK=answers.probabilities_BK[start:stop],
            numbers_B=None if numbers is None else numbers[start:stop],
            embeddings_BD=answers.embeddings_BD[start:stop],
        )

    def joined(self, parts: Sequence[Prediction]) -> Prediction:
        """Answers to parts of a request as one."""
        numbers = [part.numbers_B for part in parts if part.numbers_B is not None]
        return Prediction(
            probabilities_BK=np.concatenate([part.probabilities_BK for part in parts]),
            numbers_B=np.concatenate(numbers) if numbers else None,
            embeddings_BD=np.concatenate([part.embeddings_BD for part in parts]),
        )


def _numbers(answers: Answers) -> np.ndarray:
    assert answers.numbers_B is not None
    return answers.numbers_B
