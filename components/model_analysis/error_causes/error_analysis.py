"""From tables and a model to analysed errors: evidence is gathered, weighed, and grouped.

Shapes: E errors, U usual examples (held-out, drawn by chance), R training examples, K classes.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from components.model_analysis.error_causes.analysed_errors import AnalysedError, ErrorAnalysis
from components.model_analysis.error_causes.cause_shares import cause_shares, summary
from components.model_analysis.error_causes.causes import ErrorCauses, ErrorEvidence, suspected_causes
from components.model_analysis.error_causes.compared_examples import (
    asked_examples,
    compared_examples,
    ComparedExamples,
    drawn_rows,
    MAX_ERRORS,
)
from components.model_analysis.error_causes.error_clusters import error_clusters, ErrorCluster
from components.model_analysis.error_causes.example_evidence import (
    AskedExamples,
    disagreement,
    embedding_views,
    ExampleEvidence,
    photo_evidence,
    row_evidence,
    text_evidence,
)
from components.model_analysis.error_causes.example_values import values_of
from components.model_analysis.error_causes.held_out import held_out, HELD_OUT_SPLITS, HeldOut
from components.model_analysis.error_causes.label_noise import label_noise
from components.model_analysis.error_causes.nearest_training import nearest_training, NearestTraining
from components.model_analysis.error_causes.shown_errors import with_attribution
from components.model_analysis.error_causes.strangeness import strangeness
from components.model_analysis.traits.example_traits import traits_of
from components.modeling.label_evidence.suspicion import label_suspicion
from components.modeling.predictor import Predictor
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable

_STRANGE = 0.5
_NUM_NEAREST = 3


def nothing_analysed(examples: ExampleTable, num_examples: int, words: str) -> ErrorAnalysis:
    """The analysis where there is no error to look at, and why."""
    return ErrorAnalysis(
        modality=examples.info.modality,
        num_examples=num_examples,
        num_errors=0,
        errors=(),
        shares=(),
        clusters=(),
        summary=words,
    )


def error_analysis(
    examples: ExampleTable, table: PredictionsTable, predictor: Predictor, *, seed: int
) -> ErrorAnalysis:
    """Analyse the wrong answers of the test split, a sample by chance where there are very many.

    Raises
    ------
    ValueError
        If table, predictions and model are of another modality, other classes or other examples.
    """
    _check(examples, table, predictor)
    found, rng, modality = held_out(table), np.random.default_rng(seed), examples.info.modality
    wrong, num_examples = found.wrong(), int(found.is_test.sum())
    if not len(wrong):
        return nothing_analysed(examples, num_examples, summary([], num_errors=0))
    drawn = drawn_rows(rng, wrong, MAX_ERRORS[modality])
    errors, places = asked_examples(examples, predictor, [found.ids[row] for row in drawn], HELD_OUT_SPLITS)
    rows = drawn[places]
    compared = compared_examples(examples, table, predictor, found, rng, seed)
    evidence = _evidence(examples, predictor, errors, compared, found.labels[rows], seed)
    nearest = nearest_training(errors.prepared.embeddings, compared.training.prepared.embeddings)
    causes = _causes(found, rows, evidence, errors, compared, nearest, table.class_names)
    clusters = _clusters(examples, [found.ids[row] for row in rows], compared.usual_ids)
    analysed = _analysed(examples, table, found, rows, causes, compared, nearest, clusters)
    shares = cause_shares(causes)
    return ErrorAnalysis(
        modality=modality,
        num_examples=num_examples,
        num_errors=len(wrong),
        errors=with_attribution(
            analysed, errors, found.predicted[rows], compared.training.columns, predictor, examples
        ),
        shares=shares,
        clusters=clusters,
        summary=summary(shares, num_errors=len(rows)),
        remarks=(*evidence.remarks, *_bounds(len(wrong), len(drawn), len(rows), len(compared.training_ids))),
    )


def _check(examples: ExampleTable, table: PredictionsTable, predictor: Predictor) -> None:
    if examples.info.modality != predictor.features.modality:
        raise ValueError(
            f"the example table must hold {predictor.features.modality} examples, as the model takes, got "
            f"{examples.info.modality}: give the table that the model was evaluated on"
        )
    if tuple(table.class_names) != tuple(predictor.class_names):
        raise ValueError(
            f"the predictions table must be this model's, of the classes {', '.join(predictor.class_names)}, got "
            f"{', '.join(table.class_names)}: give the table that `evaluate_model` wrote with this bundle"
        )


def _evidence(
    examples: ExampleTable,
    predictor: Predictor,
    errors: AskedExamples,
    compared: ComparedExamples,
    labels: np.ndarray,
    seed: int,
) -> ExampleEvidence:
    usual, training, classes = compared.usual, compared.training, compared.classes
    if examples.info.modality == "image":
        return photo_evidence(errors, usual, training, predictor, labels=labels, classes=classes, seed=seed)
    if examples.info.modality == "text":
        return text_evidence(errors, usual, training, predictor, labels=labels)
    return row_evidence(errors, usual, training, classes=classes, personal=examples.info.columns_of("pii"))


def _causes(
    found: HeldOut,
    rows: np.ndarray,
    evidence: ExampleEvidence,
    errors: AskedExamples,
    compared: ComparedExamples,
    nearest: NearestTraining,
    class_names: Sequence[str],
) -> list[ErrorCauses]:
    labels, predicted, training = found.labels[rows], found.predicted[rows], compared.training.prepared.embeddings
    changed = disagreement(found.probabilities[rows], errors.prepared.probabilities)
    findings = [[*first, *second] for first, second in zip(evidence.findings, changed, strict=True)]
    usual = found.embeddings[compared.usual_rows]
    views = embedding_views(errors.prepared.embeddings, usual, training, compared.classes)
    is_error = (found.predicted != found.labels)[compared.usual_rows]
    strange = strangeness([*evidence.views, *views], is_error, num_errors=len(rows))
    is_unsound = np.array([bool(row) for row in findings], dtype=bool) | (strange.is_strange > _STRANGE)
    return suspected_causes(
        ErrorEvidence(
            labels=labels,
            predicted=predicted,
            probabilities=found.probabilities[rows],
            label_suspicion=_suspicion(found, rows, is_unsound),
            votes_for_label=nearest.votes(compared.classes, labels),
            votes_for_predicted=nearest.votes(compared.classes, predicted),
            isolation=strange.deviations,
            is_strange=strange.is_strange,
            findings=findings,
            class_names=class_names,
        )
    )


def _suspicion(found: HeldOut, rows: np.ndarray, is_unsound: np.ndarray) -> np.ndarray:
    """How likely each error's label is wrong, shape (E,): damaged examples say nothing of labels and do not count."""
    is_counted = np.ones(len(found.ids), dtype=bool)
    is_counted[rows[is_unsound]] = False
    embeddings = found.embeddings[is_counted] if found.embeddings.shape[1] else None
    answers, labels = found.probabilities[is_counted], found.labels[is_counted]
    suspicion = np.zeros(len(found.ids))
    suspicion[is_counted] = np.maximum(
        label_suspicion(answers, labels, embeddings).scores, label_noise(answers, labels).is_wrong
    )
    chosen: np.ndarray = suspicion[rows]
    return chosen


def _clusters(examples: ExampleTable, ids: list[str], usual_ids: list[str]) -> list[ErrorCluster]:
    both = traits_of(examples, [*ids, *usual_ids], splits=HELD_OUT_SPLITS)
    columns = {name: both.column(name).combine_chunks() for name in both.column_names if name != "example_id"}
    return error_clusters(
        {name: column.slice(0, len(ids)) for name, column in columns.items()},
        {name: column.slice(len(ids)) for name, column in columns.items()},
    )


def _analysed(
    examples: ExampleTable,
    table: PredictionsTable,
    found: HeldOut,
    rows: np.ndarray,
    causes: Sequence[ErrorCauses],
    compared: ComparedExamples,
    nearest: NearestTraining,
    clusters: Sequence[ErrorCluster],
) -> list[AnalysedError]:
    ids = [found.ids[row] for row in rows]
    sources = values_of(examples, ids, ["label_source"], splits=HELD_OUT_SPLITS)["label_source"].to_pylist()
    groups = dict.fromkeys(range(len(rows)), "")
    for cluster in clusters:
        groups |= dict.fromkeys(cluster.rows.tolist(), cluster.words)
    errors = []
    for place, row in enumerate(rows):
        near = zip(nearest.rows[place][:_NUM_NEAREST], nearest.similarities[place][:_NUM_NEAREST], strict=True)
        error = AnalysedError(
            example_id=ids[place],
            label=table.class_names[found.labels[row]],
            predicted=table.class_names[found.predicted[row]],
            probability=float(found.probabilities[row].max()),
            label_source=sources[place] or "",
            causes=causes[place],
            nearest=[
                (compared.training_ids[near_row], compared.training_labels[near_row], float(similarity))
                for near_row, similarity in near
            ],
        )
        errors.append(replace(error, group=groups[place]))
    return errors


def _bounds(num_wrong: int, num_drawn: int, num_analysed: int, num_training: int) -> list[str]:
    """What was bounded, in sentences."""
    said = [f"compared with {num_training:,} training examples, drawn by chance where there are more"]
    if num_drawn < num_wrong:
        said.append(f"{num_drawn:,} of {num_wrong:,} errors were analysed, drawn by chance")
    if num_analysed < num_drawn:
        said.append(f"{num_drawn - num_analysed:,} errors are left out: what is stored of them cannot be read any more")
    return said
