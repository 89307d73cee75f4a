"""Held-out examples to replay: their raw values and what the training side said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.runtime.errors import ContractError

HELD_OUT_SPLITS = ("test", "validation")


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """N examples of one split, and the training side's probabilities of K classes.

    `rows` are the examples' payloads or features, by column; `probabilities_NK` has the shape (N, K), float32, in the
    order of `class_names`.
    """

    modality: str
    split: str
    class_names: tuple[str, ...]
    example_ids: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    probabilities_NK: np.ndarray


def held_out_examples(examples: ExampleTable, predictions: PredictionsTable, *, at_most: int) -> HeldOut:
    """At most `at_most` examples, evenly over the sorted identifiers of the test split (else validation).

    The two tables must be of the same data: a scored example that the example table lacks is a ContractError.
    """
    if at_most < 1:
        raise ValueError(f"the number of examples to replay must be at least 1, got {at_most}")
    split, scored_ids = _scored(predictions)
    order = np.argsort(np.array(scored_ids, dtype=object), kind="stable")
    places = order[np.unique(np.linspace(0, len(order) - 1, min(at_most, len(order))).round().astype(int))]
    chosen = tuple(scored_ids[place] for place in places)
    return HeldOut(
        modality=examples.info.modality,
        split=split,
        class_names=predictions.class_names,
        example_ids=chosen,
        rows=_rows(examples, chosen, split=split),
        probabilities_NK=predictions.probabilities(splits=[split])[places],
    )


def _scored(predictions: PredictionsTable) -> tuple[str, list[str]]:
    for split in HELD_OUT_SPLITS:
        scored_ids = predictions.read(["example_id"], splits=[split]).column(0).to_pylist()
        if scored_ids:
            return split, scored_ids
    raise ValueError(f"the predictions table must hold rows of the splits {' or '.join(HELD_OUT_SPLITS)}, got none")


def _rows(examples: ExampleTable, chosen: Sequence[str], *, split: str) -> tuple[Mapping[str, Any], ...]:
    wanted = set(chosen)
    columns = examples.info.columns_of("feature" if examples.info.modality == "tabular" else "payload")
    found: dict[str, Mapping[str, Any]] = {}
    for batch in examples.iter_batches(["example_id", *columns], splits=[split], batch_rows=256):
        for number, example_id in enumerate(batch.column(0).to_pylist()):
            if example_id in wanted:
                found[example_id] = {
                    name: values[number].as_py() for name, values in zip(columns, batch.columns[1:], strict=True)
                }
        if len(found) == len(wanted):
            break
    missing = sorted(wanted - found.keys())
    if missing:
        raise ContractError(
            f"every scored example must be in the example table's {split} split, but {len(missing)} of {len(wanted)} "
            f"are not, {missing[0]!r} first: the two tables must be of the same data"
        )
    return tuple(found[example_id] for example_id in chosen)
