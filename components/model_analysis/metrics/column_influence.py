"""Which columns of a table a model's answers depend on."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from components.modeling.answers import Answers
from components.modeling.predictor import Predictor


def column_influence(columns: Mapping[str, pa.Array], predictor: Predictor, *, seed: int = 0) -> dict[str, float]:
    """How far the answers move when the values of one column are shuffled among N examples, largest first.

    Of classes, half the mean sum of the changes over them, 0 to 1: the probability that goes over to other classes. Of
    a number, the mean change in standard deviations of the training labels. Empty without examples. It says what the
    answers depend on, not what makes them right; of two columns that say the same, each may look weak. Breiman, Random
    forests, Machine Learning 45, 2001, section 10, measures the change of the error instead.
    """
    num_rows = len(next(iter(columns.values()), ()))
    if not num_rows:
        return {}
    answers = _answers(columns, predictor)
    shuffled = pa.array(np.random.default_rng(seed).permutation(num_rows))
    influence = {}
    for name, column in columns.items():
        changed = _answers({**columns, name: column.take(shuffled)}, predictor)
        influence[name] = float(predictor.task.differences(changed, answers).mean())
    return dict(sorted(influence.items(), key=lambda item: -item[1]))


def _answers(columns: Mapping[str, pa.Array], predictor: Predictor) -> Answers:
    return predictor.predict(predictor.prepare(columns))
