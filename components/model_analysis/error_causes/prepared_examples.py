"""Examples prepared and answered today, by the model's own preparation.

Shapes: N examples of which M can be used, D numbers an embedding, K classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.modeling.images.decoding import UndecodableImageError
from components.modeling.predictor import Predictor
from components.shared.feature_store.blocks import joined_inputs

_BATCH_ROWS = {"image": 32, "text": 256, "tabular": 4096}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PreparedExamples:
    """Examples as the model gets them.

    Attributes
    ----------
    rows
        Shape (M,), places among the N examples: those that can be used.
    inputs
        What preparation gives, M rows each.
    embeddings, probabilities
        Shapes (M, D) and (M, K); empty where they were not asked for.
    """

    rows: np.ndarray
    inputs: Mapping[str, np.ndarray]
    embeddings: np.ndarray
    probabilities: np.ndarray


def prepared_examples(predictor: Predictor, columns: Mapping[str, pa.Array], *, is_answered: bool) -> PreparedExamples:
    """Prepare N examples, and let the model answer them; images that cannot be decoded are left out."""
    num_rows = len(next(iter(columns.values()), ()))
    names, step = predictor.features.columns, _BATCH_ROWS[predictor.features.modality]
    kept: list[int] = []
    inputs, embeddings, probabilities = [], [], []
    for start in range(0, num_rows, step):
        places = range(start, min(start + step, num_rows))
        usable, prepared = _prepared(predictor, {name: columns[name] for name in names}, places)
        if not usable:
            continue
        kept += usable
        inputs.append(prepared)
        if is_answered:
            answered = predictor.predict(prepared)
            embeddings.append(answered.embeddings_BD)
            probabilities.append(answered.probabilities_BK)
    return PreparedExamples(
        rows=np.array(kept, np.int64),
        inputs=joined_inputs(inputs, predictor.features.input_specs) if inputs else {},
        embeddings=np.concatenate(embeddings) if embeddings else np.zeros((len(kept), 0)),
        probabilities=np.concatenate(probabilities) if probabilities else np.zeros((len(kept), 0)),
    )


def _prepared(
    predictor: Predictor, columns: Mapping[str, pa.Array], places: Sequence[int]
) -> tuple[list[int], dict[str, np.ndarray]]:
    """Prepare some of the examples at once; images one by one, for one may be damaged."""
    if predictor.features.modality != "image":
        part = {name: column.slice(places[0], len(places)) for name, column in columns.items()}
        return list(places), predictor.prepare(part)
    usable, found = [], []
    for place in places:
        try:
            found.append(predictor.prepare({name: column.slice(place, 1) for name, column in columns.items()}))
            usable.append(place)
        except UndecodableImageError:
            continue
    return usable, joined_inputs(found, predictor.features.input_specs) if found else {}
