"""A scored model beside cheap ones that are trained on the same training rows and answer the same test examples.

Shapes: N test examples, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np
import torch

from components.model_analysis.baseline.candidates import Candidate, Candidates, fitted_candidates
from components.model_analysis.baseline.comparison import BaselineComparison, opponent
from components.model_analysis.baseline.labelled_rows import answered_rows, AnsweredRows, LabelledRows, training_rows
from components.model_analysis.gate.answered_pair import ClassPair, NumberPair
from components.model_analysis.metrics.class_sums import class_columns, macro_measures
from components.model_analysis.metrics.operating_point import chosen_threshold
from components.model_analysis.metrics.regression import number_columns, number_measures
from components.model_analysis.metrics.roc import one_vs_rest_auc
from components.model_analysis.scoring.operating_threshold import operating_point
from components.modeling.cheap_models.fitting import constant_answers, NothingToLearnError, Question
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.target_spec import ERROR_METRICS, OPERATING_METRICS, OperatingPointSpec, TargetSpec

_MAX_CELLS, _FEWEST_ROWS = 2_000_000, 500


@dataclass(frozen=True, kw_only=True, slots=True)
class RowLimits:
    """How many rows a cheap model is fitted to, and how many of each other split it answers."""

    train: int
    held_out: int


LIMITS = {
    "tabular": RowLimits(train=20_000, held_out=20_000),
    "text": RowLimits(train=20_000, held_out=20_000),
    "image": RowLimits(train=800, held_out=500),
}


def cheap_baseline(
    examples: ExampleTable,
    table: PredictionsTable,
    target: TargetSpec,
    *,
    columns: Sequence[str] = (),
    device: torch.device | None = None,
    limits: RowLimits | None = None,
) -> BaselineComparison:
    """Train the cheap models of the modality, and hold the model against the one that validation rows favour.

    Parameters
    ----------
    examples
        Where the cheap models learn: the training rows that people labelled, as a stratified sample where there are
        more than `limits` allow.
    table
        The model's answers on the validation and test splits.
    target
        Its metric, and where on the curve.
    columns
        Of a table of rows: those that the model reads.
    device
        Where frozen features of photos are computed; the processor where it is None.
    limits
        Rows at most; None takes those of the modality.

    Returns
    -------
    BaselineComparison
        With `why_none` where nothing could be compared; never an error about the data.
    """
    question = Question(num_classes=0 if table.is_regression else len(table.class_names), metric=target.metric)
    allowed = limits or _limits(examples.info.modality, len(columns))
    test = answered_rows(examples, table, "test", max_rows=allowed.held_out)
    train = training_rows(examples, table.class_names, max_rows=allowed.train)
    why_none = _why_none(train, test)
    if why_none:
        return BaselineComparison(metric=target.metric, why_none=why_none)
    # Only tables have several cheap models to choose among.
    is_asked = target.at is not None or examples.info.modality == "tabular"
    validation = answered_rows(examples, table, "validation", max_rows=allowed.held_out if is_asked else 0)
    try:
        found = fitted_candidates(examples, columns, question, train, (validation, test), device or torch.device("cpu"))
    except NothingToLearnError as error:
        return BaselineComparison(metric=target.metric, why_none=str(error))
    thresholds = None if target.at is None else operating_point(table, target.at).threshold
    return _compared(found, question, train, validation, test, target.at, thresholds, table.class_names)


def _compared(
    found: Candidates,
    question: Question,
    train: LabelledRows,
    validation: AnsweredRows,
    test: AnsweredRows,
    at: OperatingPointSpec | None,
    threshold: float | None,
    class_names: Sequence[str],
) -> BaselineComparison:
    """The comparison with every candidate, the one that is best on validation first."""
    on_validation, on_test = found.readable
    models = sorted(found.models, key=lambda item: -_score(item, validation, on_validation, question))
    opponents = []
    for model in models:
        points = _thresholds(model, validation, on_validation, at, threshold, class_names)
        pair = _pair(test, model.answers[1], points)
        opponents.append(opponent(model.name, pair, question.metric, on_test))
    constant = None
    if at is None:
        pair = _pair(test, constant_answers(train.labels, len(test), question), None)
        constant = opponent(_constant_name(train, question, class_names), pair, question.metric, on_test)
    undefined = math.isnan(opponents[0].found.difference)
    return BaselineComparison(
        metric=question.metric,
        cheap=None if undefined else opponents[0],
        others=tuple(opponents[1:]),
        constant=constant,
        num_train=len(train.rows),
        bounds=(*_bounds(train, test, int((~on_test).sum())), *found.remarks),
        why_none=f"{question.metric} is undefined for the model or the cheap one" if undefined else "",
    )


def _limits(modality: str, num_columns: int) -> RowLimits:
    allowed = LIMITS[modality]
    most = max(_MAX_CELLS // max(num_columns, 1), _FEWEST_ROWS)
    return RowLimits(train=min(allowed.train, most), held_out=min(allowed.held_out, most))


def _why_none(train: LabelledRows, test: AnsweredRows) -> str:
    if not len(test):
        return "the test split holds no example that people labelled and the model knows"
    if not len(train.rows):
        return "the example table holds no training row that people labelled"
    if len(np.unique(train.labels)) < 2:
        return f"all {train.num_all:,} training rows that people labelled have one label"
    return ""


def _score(model: Candidate, validation: AnsweredRows, is_read: np.ndarray, question: Question) -> float:
    """How good a candidate is on the validation rows, the larger the better; 0 where nothing can be said."""
    labels, answers = validation.labels[is_read], model.answers[0][is_read]
    if not len(labels):
        return 0.0
    if question.is_number:
        sums = number_columns(labels, answers).sum(axis=0)[None]
        value = float(number_measures(sums)[question.metric][0])
        value = -value if question.metric in ERROR_METRICS else value
    elif question.metric == "accuracy":
        value = float((answers.argmax(axis=1) == labels).mean())
    elif question.metric == "roc_auc" or question.metric in OPERATING_METRICS:
        areas = np.array(one_vs_rest_auc(labels, answers))
        value = float(np.mean(areas[np.isfinite(areas)])) if np.isfinite(areas).any() else 0.0
    else:
        sums = class_columns(labels, answers.argmax(axis=1), question.num_classes).sum(axis=0)[None]
        value = float(macro_measures(sums)[question.metric][0])
    return value if math.isfinite(value) else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Points:
    """The class that is looked for, and from which probability on the model and the cheap one answer it."""

    positive: int
    thresholds: tuple[float, float]


def _thresholds(
    model: Candidate,
    validation: AnsweredRows,
    is_read: np.ndarray,
    at: OperatingPointSpec | None,
    threshold: float | None,
    class_names: Sequence[str],
) -> _Points | None:
    """Where `at` is asked for: a cheap model without a threshold that does it never answers the positive class."""
    if at is None or threshold is None:
        return None
    positive = at.positive_index(class_names)
    own = chosen_threshold(validation.labels[is_read] == positive, model.answers[0][is_read, positive], at)
    never = tuple(math.inf if math.isnan(value) else value for value in (threshold, own))
    return _Points(positive=positive, thresholds=(never[0], never[1]))


def _pair(test: AnsweredRows, answers: np.ndarray, points: _Points | None) -> ClassPair | NumberPair:
    if answers.ndim == 1:
        return NumberPair(labels=test.labels, challenger=test.answers, champion=answers, groups=test.groups)
    return ClassPair(
        labels=test.labels,
        challenger=test.answers.astype(np.float64),
        champion=answers,
        groups=test.groups,
        positive=None if points is None else points.positive,
        thresholds=None if points is None else points.thresholds,
    )


def _constant_name(train: LabelledRows, question: Question, class_names: Sequence[str]) -> str:
    if question.is_number:
        return f"always the training labels' {'median' if question.metric == 'mae' else 'mean'}"
    return f"always {class_names[int(np.bincount(train.labels).argmax())]!r}"


def _bounds(train: LabelledRows, test: AnsweredRows, num_unread: int) -> tuple[str, ...]:
    said = []
    if len(train.rows) < train.num_all:
        said.append(f"it learnt from a sample of {len(train.rows):,} of the {train.num_all:,} labelled training rows")
    if len(test) < test.num_all:
        said.append(f"both are compared on a sample of {len(test):,} of the {test.num_all:,} labelled test examples")
    if num_unread:
        said.append(f"{num_unread:,} test photos could not be read for it and are left out")
    return tuple(said)
