"""Held-out examples to replay: their raw values and what the training side said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.runtime.errors import ContractError
from components.shared.tables.repair_spec import Repair, repaired_names

HELD_OUT_SPLITS = ("test", "validation")


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """N examples of one split, and what the training side answered.

    `rows` are the examples' payloads or features, by column. `answers_NK` has the shape (N, K): probabilities in the
    order of `class_names`, or, where the model answers a number, that (K is 1). `scales_N`, above 0, are what a
    difference is measured by: 1 for a probability; of a number its size, or the standard deviation of the predictions
    where that is larger. `datatypes` are those of the rows' columns in V2, where they are texts or numbers.
    """

    modality: str
    split: str
    class_names: tuple[str, ...]
    example_ids: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    answers_NK: np.ndarray
    scales_N: np.ndarray
    is_regression: bool = False
    datatypes: Mapping[str, str] = field(default_factory=dict)

    @property
    def output(self) -> str:
        """The output of V2 that answers."""
        return "prediction" if self.is_regression else "probabilities"


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
    answers_NK, scales_N = _answers(predictions, split, places)
    return HeldOut(
        modality=examples.info.modality,
        split=split,
        class_names=predictions.class_names,
        example_ids=chosen,
        rows=_rows(examples, chosen, split=split),
        answers_NK=answers_NK,
        scales_N=scales_N,
        is_regression=predictions.is_regression,
        datatypes={field.name: "BYTES" if field.type == pa.string() else "FP64" for field in examples.schema},
    )


def true_classes(examples: ExampleTable, held_out: HeldOut) -> list[str | None]:
    """True classes of held-out examples, in their order, None where one is not known; of numbers all None."""
    if held_out.is_regression:
        return [None] * len(held_out.example_ids)
    table = examples.read(["example_id", "label"], splits=[held_out.split])
    labels = dict(zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True))
    return [labels.get(example_id) for example_id in held_out.example_ids]


def inputs_of_rows(
    held_out: HeldOut, datatypes: Mapping[str, str], repairs: Sequence[Repair] = ()
) -> tuple[Mapping[str, str], bool]:
    """The V2 inputs, with their datatypes, of requests for held-out rows, and whether these say that repairs are done.

    Parameters
    ----------
    held_out
        The rows: of a table, they are as the model reads them.
    datatypes
        The served model's inputs, as its metadata tells them: as its clients send them.
    repairs
        What the model's bundle does to the columns of a table before it reads them.
    """
    if held_out.modality != "tabular" or not repairs:
        return datatypes, False
    names = repaired_names(list(datatypes), repairs, where="the inputs of the served model")
    return {name: held_out.datatypes.get(name, "FP64") for name in names}, True


def _answers(predictions: PredictionsTable, split: str, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not predictions.is_regression:
        return predictions.probabilities(splits=[split])[places], np.ones(len(places))
    numbers = predictions.numbers("predicted", splits=[split])
    smallest = max(float(numbers.std()), float(np.finfo(np.float32).tiny))
    return numbers[places, None], np.maximum(np.abs(numbers[places]), smallest)


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
