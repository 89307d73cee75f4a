"""Which cause of each error is suspected: evidence of several kinds, weighed against each other.

Shapes: E errors, K classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from components.model_analysis.error_causes.cause_names import (
    AMBIGUOUS,
    MODEL_WEAKNESS,
    OUT_OF_DISTRIBUTION,
    TOO_FEW_EXAMPLES,
    WRONG_LABEL,
)
from components.model_analysis.error_causes.findings import Finding

_SPARSE = 1.0
_LEAST_SHOWN = 0.05
_CLEAR_ANSWER = 0.5


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ErrorEvidence:
    """What is known of E errors.

    Attributes
    ----------
    labels, predicted
        Shape (E,), class indices.
    probabilities
        Shape (E, K), of the model.
    label_suspicion
        Shape (E,), 0 to 1: how likely the label is wrong, were the example like the others.
    votes_for_label, votes_for_predicted
        Shape (E,), 0 to 1: share of the nearest training examples with that class.
    isolation
        Shape (E,): how far the example is from training, in deviations of training examples that were left out.
    is_strange
        Shape (E,), 0 to 1: how likely the example is unlike all training examples.
    findings
        By error, what was found on the example itself.
    class_names
        In the order of the indices.
    """

    labels: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    label_suspicion: np.ndarray
    votes_for_label: np.ndarray
    votes_for_predicted: np.ndarray
    isolation: np.ndarray
    is_strange: np.ndarray
    findings: Sequence[Sequence[Finding]]
    class_names: Sequence[str]

    def __post_init__(self) -> None:
        sizes = {
            len(self.labels), len(self.predicted), len(self.probabilities), len(self.label_suspicion),
            len(self.votes_for_label), len(self.votes_for_predicted), len(self.isolation), len(self.is_strange),
            len(self.findings),
        }  # fmt: skip
        if len(sizes) > 1:
            raise ValueError(f"evidence must be of the same errors, got numbers of errors {sorted(sizes)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SuspectedCause:
    """A cause of one error: its share of what is suspected, 0 to 1, and the evidence in words."""

    cause: str
    weight: float
    evidence: str
    kind: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorCauses:
    """The suspected causes of one error, the likeliest first; weights add up to 1, small ones are left out."""

    causes: tuple[SuspectedCause, ...] = field(default=())

    @property
    def first(self) -> SuspectedCause:
        """The likeliest."""
        return self.causes[0]


def suspected_causes(evidence: ErrorEvidence) -> list[ErrorCauses]:
    """Weigh the causes of E errors.

    What is found on the example comes first: a damaged or strange example says nothing of its label, so suspicion of
    the label counts only as far as the example is sound. What neither explains is divided by what the nearest training
    examples say: they are of the label's class (the model could have known), of both (ambiguous), or of the predicted
    class (too few like it).

    Returns
    -------
    list[ErrorCauses]
        One an error, in their order; none is ever empty.
    """
    return [_causes_of(evidence, row) for row in range(len(evidence.labels))]


def _causes_of(evidence: ErrorEvidence, row: int) -> ErrorCauses:
    found: dict[str, SuspectedCause] = {}
    for finding in evidence.findings[row]:
        known = found.get(finding.cause)
        if known is None or finding.strength > known.weight:
            found[finding.cause] = SuspectedCause(
                cause=finding.cause, weight=finding.strength, evidence=finding.words, kind=finding.kind
            )
    # A damaged photo is far from all others, too: only what damage leaves unexplained is strange.
    unexplained = 1.0 - max((cause.weight for cause in found.values()), default=0.0)
    strange = unexplained * float(evidence.is_strange[row])
    named = found.get(OUT_OF_DISTRIBUTION)
    if strange > (named.weight if named else 0.0):
        words = (
            f"it is unlike all training examples: {evidence.isolation[row]:.1f} deviations further from them than they "
            "are from each other"
        )
        found[OUT_OF_DISTRIBUTION] = SuspectedCause(cause=OUT_OF_DISTRIBUTION, weight=strange, evidence=words)
    sound = float(np.prod([1.0 - cause.weight for cause in found.values()]))
    wrong = float(evidence.label_suspicion[row])
    found[WRONG_LABEL] = SuspectedCause(
        cause=WRONG_LABEL, weight=sound * wrong, evidence=_words_on_label(evidence, row)
    )
    for cause in _rest(evidence, row, sound * (1.0 - wrong)):
        if cause.cause not in found or cause.weight > found[cause.cause].weight:
            found[cause.cause] = cause
    return _ranked(found)


def _ranked(found: Mapping[str, SuspectedCause]) -> ErrorCauses:
    total = sum(cause.weight for cause in found.values()) or 1.0
    ranked = sorted(found.values(), key=lambda cause: -cause.weight)
    shown = [
        SuspectedCause(cause=cause.cause, weight=cause.weight / total, evidence=cause.evidence, kind=cause.kind)
        for place, cause in enumerate(ranked)
        if place == 0 or cause.weight / total >= _LEAST_SHOWN
    ]
    return ErrorCauses(causes=tuple(shown))


def _rest(evidence: ErrorEvidence, row: int, weight: float) -> list[SuspectedCause]:
    """What is left, `weight` of it, where the example is sound and the label right."""
    label, predicted = (evidence.class_names[index] for index in (evidence.labels[row], evidence.predicted[row]))
    answers = evidence.probabilities[row]
    gap = float(answers[evidence.predicted[row]] - answers[evidence.labels[row]])
    votes = float(evidence.votes_for_label[row]), float(evidence.votes_for_predicted[row])
    near = f"of the nearest training examples {votes[0]:.0%} are {label}, {votes[1]:.0%} {predicted}"
    share = (votes[0] + 0.03) / (votes[0] + votes[1] + 0.06)
    mixed = max(1.0 - abs(share - 0.5) / 0.4, 0.0)
    unsure = max(1.0 - gap / _CLEAR_ANSWER, 0.0)
    ambiguous = max(mixed, unsure)
    sparse = " and few are near at all" if evidence.isolation[row] > _SPARSE else ""
    return [
        SuspectedCause(
            cause=AMBIGUOUS,
            weight=weight * ambiguous,
            evidence=f"{near}; the model gives {predicted} {gap:.2f} more than {label}",
        ),
        SuspectedCause(
            cause=MODEL_WEAKNESS,
            weight=weight * (1.0 - ambiguous) * share,
            evidence=f"{near}: the training set shows the answer",
        ),
        SuspectedCause(
            cause=TOO_FEW_EXAMPLES, weight=weight * (1.0 - ambiguous) * (1.0 - share), evidence=f"{near}{sparse}"
        ),
    ]


def _words_on_label(evidence: ErrorEvidence, row: int) -> str:
    label, predicted = (evidence.class_names[index] for index in (evidence.labels[row], evidence.predicted[row]))
    answers = evidence.probabilities[row]
    return (
        f"the model is sure of {predicted} ({answers[evidence.predicted[row]]:.3f}; {label} "
        f"{answers[evidence.labels[row]]:.3f}), and {evidence.votes_for_predicted[row]:.0%} of the nearest training "
        f"examples are {predicted}"
    )
