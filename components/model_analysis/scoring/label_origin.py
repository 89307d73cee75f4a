"""Which labels people gave: a model is judged on these only, not on what models and rules labelled."""

from collections.abc import Sequence

import numpy as np

from components.model_analysis.scoring.example_batches import ExampleBatch
from components.model_analysis.scoring.example_sources import LABEL_SOURCE
from components.shared.contracts.predictions_table import PredictionsTable

_PEOPLE = (None, "person")


def rows_by_people(examples: ExampleBatch) -> np.ndarray:
    """Whether no model and no rule gave the label of each of a batch's examples, shape (B,), bool."""
    if LABEL_SOURCE not in examples.extra:
        return np.ones(len(examples), dtype=bool)
    return _are_people(examples.extra[LABEL_SOURCE].to_pylist())


def are_by_people(table: PredictionsTable, splits: Sequence[str]) -> np.ndarray:
    """The same of a predictions table's examples of some splits, shape (N,), bool."""
    if LABEL_SOURCE not in table.slice_columns:
        return np.ones(table.read(["label"], splits=splits).num_rows, dtype=bool)
    return _are_people(table.read([LABEL_SOURCE], splits=splits).column(0).to_pylist())


def _are_people(sources: Sequence[str | None]) -> np.ndarray:
    return np.array([is_person(source) for source in sources], dtype=bool)


def is_person(source: str | None) -> bool:
    """Whether a label's source is a person; where nothing is said, it is."""
    return source in _PEOPLE
