"""Which labels people gave: a model is judged on these only, not on what models and rules labelled."""

from collections.abc import Sequence

import numpy as np

from components.shared.contracts.predictions_table import PredictionsTable

# Carried along where models or rules labelled some of the examples: nothing is judged on those.
LABEL_SOURCE = "label_source"
_PEOPLE = (None, "person")


def are_by_people(table: PredictionsTable, splits: Sequence[str]) -> np.ndarray:
    """Whether no model and no rule gave the label of the examples of some splits, shape (N,), bool."""
    if LABEL_SOURCE not in table.slice_columns:
        return np.ones(table.read(["label"], splits=splits).num_rows, dtype=bool)
    return from_people(table.read([LABEL_SOURCE], splits=splits).column(0).to_pylist())


def from_people(sources: Sequence[str | None]) -> np.ndarray:
    """Whether each of N sources of a label is a person, or none is named: shape (N,), bool."""
    return np.array([is_person(source) for source in sources], dtype=bool)


def is_person(source: str | None) -> bool:
    """Whether a label's source is a person; where nothing is said, it is."""
    return source in _PEOPLE
