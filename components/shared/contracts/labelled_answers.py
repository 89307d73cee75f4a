"""What a model answered to the examples that people labelled, as the predictions table holds it; needs no model.

Shapes: N examples of some splits, M of them labelled, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.shared.contracts.label_origin import are_by_people
from components.shared.contracts.predictions_table import PredictionsTable


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelledAnswers:
    """Examples of some splits with a label that the model knows.

    `rows`, shape (M,), are their places among the N examples of those splits; `labels`, shape (M,), class indices or
    numbers; `answers` probabilities, shape (M, K), or numbers, shape (M,).
    """

    rows: np.ndarray
    labels: np.ndarray
    answers: np.ndarray


def labelled_answers(table: PredictionsTable, splits: Sequence[str], *, by_people: bool = True) -> LabelledAnswers:
    """Labels and answers of the examples whose label is a class of the model, or a number; there may be none.

    Only labels that people gave count; with `by_people` false only those that models and rules gave.
    """
    is_wanted = are_by_people(table, splits) == by_people
    if table.is_regression:
        numbers, predicted = table.numbers("label", splits=splits), table.numbers("predicted", splits=splits)
        rows = np.flatnonzero(np.isfinite(numbers) & is_wanted)
        return LabelledAnswers(rows=rows, labels=numbers[rows], answers=predicted[rows])
    indices = {name: index for index, name in enumerate(table.class_names)}
    labels = table.read(["label"], splits=splits).column(0).to_pylist()
    is_known = np.array([label in indices for label in labels], dtype=bool)
    rows = np.flatnonzero(is_known & is_wanted)
    label_indices = np.array([indices[str(labels[row])] for row in rows.tolist()], dtype=np.int64)
    return LabelledAnswers(rows=rows, labels=label_indices, answers=table.probabilities(splits=splits)[rows])
