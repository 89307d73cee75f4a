"""Rows that people labelled, which labels by a model are judged with: for training, for validation, and audited.

Identifiers are as the predictions tables have them: hashed where they hold personal data. Shapes: N rows, K
classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.active_learning.label_requests import LabelRequest
from components.active_learning.pseudo_labels.noise_rate import AuditedRows
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_matching import LabelMatcher
from components.shared.contracts.label_origin import is_person
from components.shared.contracts.labelled_answers import labelled_answers
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.tables.personal_columns import hashed_texts, kept_columns

_ID = "example_id"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelledRows:
    """N examples of one split that people labelled: identifiers and class indices, shape (N,)."""

    ids: Sequence[str]
    labels: np.ndarray


def labelled_rows(
    examples: ExampleTable, split: str, class_names: Sequence[str], *, max_rows: int, seed: int = 0
) -> LabelledRows:
    """Examples of a split whose label is a person's and a class of the model; more than `max_rows` are sampled."""
    matcher = LabelMatcher(class_names)
    ids: list[str] = []
    labels: list[int] = []
    for batch in examples.iter_batches([_ID, "label", "label_source"], splits=[split]):
        names, sources = batch.column(1).to_pylist(), batch.column(2).to_pylist()
        for name, label, source in zip(shown_ids(examples, batch.column(0)), names, sources, strict=True):
            index = matcher.index(label)
            if index is not None and is_person(source):
                ids.append(name)
                labels.append(index)
    chosen = _sampled(len(ids), max_rows, seed)
    return LabelledRows(ids=[ids[row] for row in chosen], labels=np.array(labels, np.int64)[chosen])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HeldOutRows(LabelledRows):
    """The same of validation rows, with the model's `answers`, shape (N, K)."""

    answers: np.ndarray


def held_out_rows(table: PredictionsTable, *, max_rows: int, seed: int = 0) -> HeldOutRows:
    """Validation rows that people labelled and the model answered; more than `max_rows` are sampled."""
    found = labelled_answers(table, ["validation"])
    chosen = _sampled(len(found.rows), max_rows, seed)
    ids = table.read([_ID], splits=["validation"]).column(0).to_pylist()
    return HeldOutRows(
        ids=[ids[row] for row in found.rows[chosen].tolist()],
        labels=found.labels[chosen],
        answers=found.answers[chosen].astype(np.float64),
    )


def audited_rows(
    requests: Sequence[LabelRequest], examples: ExampleTable, table: PredictionsTable, model_version: str
) -> AuditedRows:
    """Rows that were asked for at random, whose labels came in, and of which it is known what the model said before.

    A request says so where this model made it. Where an earlier one did, this model's answer to a validation row
    counts; rows of the training split it may have learnt, rows of the test split are not for decisions.
    """
    matcher = LabelMatcher(table.class_names)
    if not requests:
        return AuditedRows(labels=np.zeros(0, np.int64), predicted=np.zeros(0, np.int64), sureness=np.zeros(0))
    asked = {request.example_id: request for request in requests if request.strategy == "random"}
    held_out = held_out_rows(table, max_rows=table.num_rows)
    answered = dict(zip(held_out.ids, held_out.answers, strict=True))
    found: list[tuple[int, int, float]] = []
    for split in ("train", "validation"):
        rows = labelled_rows(examples, split, table.class_names, max_rows=examples.num_rows)
        for name, label in zip(rows.ids, rows.labels.tolist(), strict=True):
            request = asked.get(name)
            if request is None:
                continue
            predicted = matcher.index(request.predicted)
            if request.model_version == model_version and predicted is not None:
                found.append((label, predicted, request.probability))
            elif name in answered:
                found.append((label, int(answered[name].argmax()), float(answered[name].max())))
    return AuditedRows(
        labels=np.array([item[0] for item in found], np.int64),
        predicted=np.array([item[1] for item in found], np.int64),
        sureness=np.array([item[2] for item in found], np.float64),
    )


def shown_ids(table: ExampleTable, ids: pa.Array) -> list[str]:
    """Identifiers as the predictions table has them."""
    names: list[str] = (ids if _ID in kept_columns(table.schema) else hashed_texts(ids)).to_pylist()
    return names


def _sampled(num_rows: int, max_rows: int, seed: int) -> np.ndarray:
    """Places of at most `max_rows` of N rows, ascending, drawn at random."""
    if num_rows <= max_rows:
        return np.arange(num_rows)
    found: np.ndarray = np.sort(np.random.default_rng(seed).choice(num_rows, max_rows, replace=False))
    return found
