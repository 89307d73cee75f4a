"""All that is known of a pool, the model's answers and people's labels, with the guard's decision.

Shapes: N rows of the pool, M held-out rows, D numbers an embedding, K classes.
"""

from dataclasses import dataclass

import numpy as np
import torch

from components.active_learning.pseudo_labels.calibration import (
    Calibration,
    calibration_of,
    class_thresholds,
    fitted_temperature,
    tempered,
)
from components.active_learning.pseudo_labels.guard import Decision, judged, PoolAnswers
from components.active_learning.pseudo_labels.people_rows import (
    held_out_rows,
    HeldOutRows,
    labelled_rows,
    LabelledRows,
)
from components.active_learning.pseudo_labels.pool_sample import embeddings_by_id, pool_sample, PoolSample
from components.active_learning.pseudo_labels.self_training import PeopleLabels
from components.active_learning.pseudo_labels.stand_in_reading import dense_rows, JudgedRows, stand_ins_of
from components.active_learning.pseudo_labels.stand_ins import linear_stand_in, StandIn
from components.modeling.label_evidence.label_spreading import LabelGraph
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable

# A photo takes some 40 ms of a core to read, a text or a row next to nothing.
MAX_POOL_ROWS = {"image": 1_500, "text": 5_000, "tabular": 5_000}
MAX_LABELS = {"image": 800, "text": 2_000, "tabular": 2_000}
_EMBEDDINGS = "logistic regression on the model's embeddings"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PoolSource:
    """Tables: examples and a pool, and one model's answers to the examples (`table`) and to the pool (`answers`)."""

    examples: ExampleTable
    pool: ExampleTable
    table: PredictionsTable
    answers: PredictionsTable


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JudgedPool:
    """What the labels rest on.

    Attributes
    ----------
    train, held_out, pool
        Rows that people labelled for training and validation, and the sample of the pool.
    temperature, calibrated
        Of the model's answers, and its answers to the pool with it, shape (N, K).
    thresholds
        Shape (K,): the calibrated probability that a label takes.
    second_view
        Which rows are near one another, in words.
    decision
        The guard's.
    before, after
        The model on validation labels, as it answers and calibrated.
    """

    train: LabelledRows
    held_out: HeldOutRows
    pool: PoolSample
    temperature: float
    calibrated: np.ndarray
    thresholds: np.ndarray
    second_view: str
    decision: Decision
    before: Calibration
    after: Calibration

    def floors(self) -> np.ndarray:
        """How sure the least sure label of each class is, shape (K,), before calibration; infinite where there is none.

        Where labels are refused, of those above their threshold.
        """
        sure, classes = self.pool.answers.max(axis=1), self.calibrated.argmax(axis=1)
        admitted = self.decision.admitted
        if admitted is None:
            is_labelled = self.calibrated.max(axis=1) >= self.thresholds[classes]
        else:
            is_labelled = np.isin(np.arange(len(sure)), admitted.rows)
        found = np.full(len(self.thresholds), np.inf)
        np.minimum.at(found, classes[is_labelled], sure[is_labelled])
        return found


def judged_pool(
    source: PoolSource, *, max_pool_rows: int | None = None, device: torch.device | None = None, seed: int = 0
) -> JudgedPool:
    """Read a sample of a pool and people's labels, and ask the guard.

    Parameters
    ----------
    max_pool_rows
        None for as many as the modality affords.
    device
        Where frozen features of photos are computed; the processor where it is None.
    seed
        Of samples, halves and folds.
    """
    modality, class_names = source.examples.info.modality, source.table.class_names
    most = MAX_POOL_ROWS[modality] if max_pool_rows is None else max_pool_rows
    train = labelled_rows(source.examples, "train", class_names, max_rows=MAX_LABELS[modality], seed=seed)
    held_out = held_out_rows(source.table, max_rows=MAX_LABELS[modality], seed=seed)
    chosen = pool_sample(source.pool, source.answers, source.examples, max_rows=most, seed=seed)
    temperature = fitted_temperature(held_out.answers, held_out.labels)
    calibrated, seen = tempered(chosen.answers, temperature), tempered(held_out.answers, temperature)
    thresholds = class_thresholds(calibrated, seen, held_out.labels)
    people = PeopleLabels(train=train.labels, held_out=held_out.labels, num_classes=len(class_names))
    rows = JudgedRows(train=train.ids, held_out=held_out.ids, pool=chosen.ids)
    views = _views(source, rows, people, device)
    answers = PoolAnswers(probabilities=calibrated, thresholds=thresholds, second=views.second)
    return JudgedPool(
        train=train,
        held_out=held_out,
        pool=chosen,
        temperature=temperature,
        calibrated=calibrated,
        thresholds=thresholds,
        second_view=views.name,
        decision=judged(views.stand_ins, people, answers, second_view=views.graph, seed=seed),
        before=calibration_of(held_out.answers, held_out.labels),
        after=calibration_of(seen, held_out.labels),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Views:
    """Stand-ins, and the second view: its graph, the class of each pool row, (N,), and what it sees."""

    stand_ins: list[StandIn]
    graph: LabelGraph | None = None
    second: np.ndarray | None = None
    name: str = "none"


def _views(source: PoolSource, rows: JudgedRows, people: PeopleLabels, device: torch.device | None) -> _Views:
    if not rows.pool or not rows.train:
        return _Views(stand_ins=[])
    cheap = stand_ins_of(source.examples, source.pool, rows, num_classes=people.num_classes, device=device)
    by_model = _by_embeddings(source, rows)
    if not cheap and not by_model:
        return _Views(stand_ins=[])
    graph = LabelGraph(dense_rows((by_model or cheap)[0]))
    classes = graph.classes(np.arange(len(rows.train)), people.train, people.num_classes)
    seen = "by the model's embeddings" if by_model else "as a cheap model reads them"
    return _Views(
        stand_ins=[*cheap, *by_model],
        graph=graph,
        second=classes[len(rows.train) :],
        name=f"the nearest examples {seen}",
    )


def _by_embeddings(source: PoolSource, rows: JudgedRows) -> list[StandIn]:
    """A stand-in on the model's embeddings where all rows have them; else none."""
    train, others = embeddings_by_id(source.table, rows.train), embeddings_by_id(source.answers, rows.pool)
    held_out = embeddings_by_id(source.table, rows.held_out)
    if train is None or others is None or train.shape[1] != others.shape[1]:
        return []
    if held_out is None:
        if rows.held_out:
            return []
        held_out = np.zeros((0, train.shape[1]), np.float32)
    return [linear_stand_in(_EMBEDDINGS, train, held_out, others)]
