"""The examples that errors are compared with: held-out ones, and training ones, drawn by chance.

Shapes: U held-out examples, R training examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.model_analysis.error_causes.example_evidence import AskedExamples
from components.model_analysis.error_causes.example_values import drawn_training_ids, values_of
from components.model_analysis.error_causes.held_out import HELD_OUT_SPLITS, HeldOut
from components.model_analysis.error_causes.prepared_examples import prepared_examples
from components.modeling.predictor import Predictor
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable

# Photos are decoded and seen by the network once more; texts and rows cost little.
MAX_ERRORS = {"image": 200, "text": 400, "tabular": 400}
_MAX_USUAL = {"image": 160, "text": 1000, "tabular": 2000}
_MAX_TRAINING = {"image": 400, "text": 2000, "tabular": 4000}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ComparedExamples:
    """What errors are compared with.

    `usual_rows` are rows of U usual examples among the held-out; `classes`, shape (R,), the training's class indices.
    """

    usual: AskedExamples
    usual_ids: list[str]
    usual_rows: np.ndarray
    training: AskedExamples
    training_ids: list[str]
    training_labels: list[str]
    classes: np.ndarray


def drawn_rows(rng: np.random.Generator, rows: np.ndarray, number: int) -> np.ndarray:
    """Up to `number` of some rows, drawn by chance, in their order."""
    return rows if len(rows) <= number else np.sort(rng.choice(rows, number, replace=False))


def asked_examples(
    examples: ExampleTable, predictor: Predictor, ids: list[str], splits: Sequence[str], *, is_answered: bool = True
) -> tuple[AskedExamples, np.ndarray]:
    """Examples by identifier, prepared, and their places among `ids`: those that can be used."""
    names = [*predictor.features.columns]
    wanted = [*names, "content_id"] if "content_id" in examples.schema.names else names
    columns = values_of(examples, ids, [*wanted, "split"], splits=splits)
    if columns["split"].null_count:
        raise ValueError(
            f"the example table must hold every scored example, but lacks {columns['split'].null_count:,} of "
            f"{len(ids):,}: give the table that the model was evaluated on"
        )
    prepared = prepared_examples(predictor, columns, is_answered=is_answered)
    kept = pa.array(prepared.rows)
    asked = AskedExamples(columns={name: columns[name].take(kept) for name in wanted}, prepared=prepared)
    return asked, prepared.rows


def compared_examples(
    examples: ExampleTable,
    table: PredictionsTable,
    predictor: Predictor,
    found: HeldOut,
    rng: np.random.Generator,
    seed: int,
) -> ComparedExamples:
    """Draw held-out and training examples, and let the model answer the latter."""
    modality = examples.info.modality
    drawn = drawn_rows(rng, np.arange(len(found.ids)), _MAX_USUAL[modality])
    ids = [found.ids[row] for row in drawn]
    usual, places = asked_examples(examples, predictor, ids, HELD_OUT_SPLITS, is_answered=False)
    training_ids = drawn_training_ids(examples, table.class_names, _MAX_TRAINING[modality], seed=seed)
    training, kept = asked_examples(examples, predictor, training_ids, ("train",))
    training_ids = [training_ids[row] for row in kept]
    labels = values_of(examples, training_ids, ["label"], splits=("train",))["label"].to_pylist()
    return ComparedExamples(
        usual=usual,
        usual_ids=[ids[row] for row in places],
        usual_rows=drawn[places],
        training=training,
        training_ids=training_ids,
        training_labels=labels,
        classes=np.array([table.class_names.index(label) for label in labels], np.int64),
    )
