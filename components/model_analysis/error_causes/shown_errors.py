"""What of errors is shown: photos with saliency, texts with the words and rows with the columns that moved the model.

Shapes: E errors, S side of a prepared photo.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from components.model_analysis.error_causes.analysed_errors import AnalysedError
from components.model_analysis.error_causes.attribution import (
    column_influence_of_rows,
    photo_saliency,
    usual_values,
    word_influence,
)
from components.model_analysis.error_causes.cause_names import CAUSES
from components.model_analysis.error_causes.example_evidence import AskedExamples
from components.modeling.predictor import Predictor
from components.shared.contracts.example_table import ExampleTable
from components.shared.tables.personal_columns import kept_columns, masked_texts

MAX_SHOWN = 40
_SECONDS = 15.0
_MAX_TEXT = 240


def shown_rows(errors: Sequence[AnalysedError]) -> list[int]:
    """Up to 40 errors to show: of every suspected cause in turn, the surest first."""
    queues = {
        cause: sorted(
            (row for row, error in enumerate(errors) if error.causes.first.cause == cause),
            key=lambda row: -errors[row].causes.first.weight,
        )
        for cause in CAUSES
    }
    chosen: list[int] = []
    while len(chosen) < min(MAX_SHOWN, len(errors)):
        chosen += [queue.pop(0) for queue in queues.values() if queue]
    return chosen[:MAX_SHOWN]


def with_attribution(
    errors: Sequence[AnalysedError],
    asked: AskedExamples,
    predicted: np.ndarray,
    training: Mapping[str, pa.Array],
    predictor: Predictor,
    examples: ExampleTable,
) -> list[AnalysedError]:
    """The errors, of which those that are shown have what a report shows of them, and what moved the model.

    At most 40 are, within 15 seconds. Texts are masked, columns of personal data left out.
    """
    rows, found = shown_rows(errors), list(errors)
    places, asked_classes = pa.array(rows, pa.int64()), predicted[rows]
    columns = {name: asked.columns[name].take(places) for name in predictor.features.columns}
    if examples.info.modality == "image":
        pixels = asked.prepared.inputs.get("image")
        grids = [None] * len(rows)
        if pixels is not None:
            grids = photo_saliency(predictor, pixels[rows], asked_classes, seconds=_SECONDS)  # type: ignore[assignment]
        for place, row in enumerate(rows):
            found[row] = replace(found[row], shown={"image": columns["image"][place].as_py()}, saliency=grids[place])
        return found
    if examples.info.modality == "text":
        return _with_words(found, rows, columns["text"], asked_classes, predictor, examples)
    usual = usual_values({name: training[name] for name in columns})
    falls = column_influence_of_rows(predictor, columns, usual, asked_classes, seconds=_SECONDS)
    personal = set(examples.info.columns_of("pii"))
    for place, row in enumerate(rows):
        shown = {name: columns[name][place].as_py() for name, _ in falls[place] or () if name not in personal}
        found[row] = replace(found[row], shown=shown, influence=falls[place])
    return found


def _with_words(
    found: list[AnalysedError],
    rows: Sequence[int],
    texts: pa.Array,
    predicted: np.ndarray,
    predictor: Predictor,
    examples: ExampleTable,
) -> list[AnalysedError]:
    falls = word_influence(predictor, texts.to_pylist(), predicted, seconds=_SECONDS)
    is_kept = "text" in kept_columns(examples.schema)
    shown = (texts if is_kept else masked_texts(texts)).to_pylist()
    for place, row in enumerate(rows):
        known = shown[place]
        words = [(word, fall) for word, fall in falls[place] or () if word in known]
        text = known if len(known) <= _MAX_TEXT else f"{known[: _MAX_TEXT - 1]}…"
        found[row] = replace(found[row], shown={"text": text}, influence=None if falls[place] is None else words)
    return found
