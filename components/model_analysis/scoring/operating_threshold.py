"""The operating point of a scored model: its threshold from the validation rows, its figures from the test rows."""

import math

import numpy as np

from components.model_analysis.metrics.operating_point import (
    chosen_threshold,
    figures_at,
    OperatingPoint,
    why_no_threshold,
)
from components.shared.contracts.labelled_answers import labelled_answers
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.target_spec import OperatingPointSpec


def operating_point(
    table: PredictionsTable, spec: OperatingPointSpec, *, test_groups: np.ndarray | None = None
) -> OperatingPoint:
    """What was asked of a classifier's curve, from the examples that people labelled.

    `test_groups`, shape (N,), widen the intervals of the N test examples as in `share_interval`.

    Raises
    ------
    ValueError
        If the model has other than two classes, or not the class that is looked for.
    """
    index = spec.positive_index(table.class_names)
    validation, test = (labelled_answers(table, [split]) for split in ("validation", "test"))
    positive, scores = validation.labels == index, validation.answers[:, index]
    threshold = chosen_threshold(positive, scores, spec)
    name = table.class_names[index]
    if math.isnan(threshold):
        why = why_no_threshold(positive, spec, name)
        return OperatingPoint(positive=name, threshold=threshold, why_none=why, validation=None, test=None)
    groups = None if test_groups is None else test_groups[test.rows]
    return OperatingPoint(
        positive=name,
        threshold=threshold,
        why_none="",
        validation=figures_at(positive, scores, threshold),
        test=figures_at(test.labels == index, test.answers[:, index], threshold, groups),
    )
