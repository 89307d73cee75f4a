"""What is measured of a model's answers in every group: rates of classes, or errors of numbers.

Each is a mean over some of the examples: the true positive rate is the share of answered positives among the labelled.

Shapes: N examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.shared.contracts.fairness_spec import ErrorName, FairnessMetric, FairnessSpec, RateName

MAX_CLASSES = 10
_ASKED: dict[FairnessMetric, tuple[str, ...]] = {"equalized_odds": ("true_positive_rate", "false_positive_rate")}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measure:
    """One measure of the answers.

    Attributes
    ----------
    name
        As the problem file has it: `true_positive_rate` and so on.
    positive
        The class it is about; empty for accuracy and errors.
    values
        Shape (N,): bool of a rate, float of an error.
    rows
        Shape (N,), bool: the examples that it is a mean over.
    """

    name: RateName | ErrorName
    positive: str
    values: np.ndarray
    rows: np.ndarray

    @property
    def words(self) -> str:
        """The measure in words, such as `true positive rate of 'yes'`."""
        return in_words(self.name, self.positive)


def in_words(name: str, positive: str) -> str:
    """A measure in words."""
    return name.replace("_", " ") + (f" of {positive!r}" if positive else "")


def class_measures(
    labels: np.ndarray, predicted: np.ndarray, class_names: Sequence[str], positives: Sequence[int]
) -> list[Measure]:
    """Accuracy, and for each of some classes its true and false positive rate and how often it is answered.

    Parameters
    ----------
    labels, predicted
        Shape (N,), int: indices of classes.
    class_names
        All of them.
    positives
        Indices of the classes that rates are about.
    """
    everyone = np.ones(len(labels), dtype=bool)
    found = [Measure(name="accuracy", positive="", values=labels == predicted, rows=everyone)]
    for index in positives:
        answered, is_positive, name = predicted == index, labels == index, class_names[index]
        found += [
            Measure(name="true_positive_rate", positive=name, values=answered, rows=is_positive),
            Measure(name="false_positive_rate", positive=name, values=answered, rows=~is_positive),
            Measure(name="selection_rate", positive=name, values=answered, rows=everyone),
        ]
    return found


def number_measures(labels: np.ndarray, predicted: np.ndarray) -> list[Measure]:
    """Mean error (above 0: predicted too high) and mean absolute error, in the label's unit."""
    errors, everyone = predicted - labels, np.ones(len(labels), dtype=bool)
    return [
        Measure(name="mean_error", positive="", values=errors, rows=everyone),
        Measure(name="mean_absolute_error", positive="", values=np.abs(errors), rows=everyone),
    ]


def positive_classes(
    class_names: Sequence[str], labels: np.ndarray, spec: FairnessSpec, target_positive: str | None
) -> list[int]:
    """Indices of the classes that rates are about; of more than ten classes the ten most frequent.

    Parameters
    ----------
    labels
        Shape (N,), int.
    target_positive
        The class that the target looks for, where it names one.

    Raises
    ------
    ValueError
        If the problem file names a class that the model does not know.
    """
    named = spec.positive_name(class_names) or target_positive
    if named is not None:
        return [list(class_names).index(named)]
    if len(class_names) == 2:
        return [1]
    counts = np.bincount(labels, minlength=len(class_names))
    return sorted(np.argsort(-counts, kind="stable")[:MAX_CLASSES].tolist())


def is_asked(measure: str, metric: FairnessMetric | None) -> bool:
    """Whether the problem file's metric holds a measure against its limits."""
    return metric is not None and measure in _ASKED.get(metric, (metric,))
