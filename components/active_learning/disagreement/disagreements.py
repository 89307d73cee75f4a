"""Where stored labels and the model that is being trained differ, and which of the two is suspected.

Shapes: N examples, K classes, B of the examples that were looked at.
"""

from collections import Counter
from dataclasses import dataclass
import math
from typing import Literal

import numpy as np

from components.active_learning.disagreement.compared_rows import ComparedRows
from components.active_learning.disagreement.label_doubts import contradicting, LabelDoubts

# `both`: the stored label and the model's class, be they equal or not; empty where nothing was looked at.
Side = Literal["stored label", "model", "both", ""]


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """One stored label that the model, or the evidence out of sample, contradicts.

    Attributes
    ----------
    true_label
        The stored label; what a table calls so need not be true.
    source
        Who gave it: a person, a rule, a pseudo label with its model and round, or the initial model.
    class_result, probability
        The model's class and its probability.
    more_probable
        The class that all evidence favours; empty where nothing was looked at.
    suspected
        Which side is probably wrong.
    score
        0 to 1, the probability that the stored label is wrong as far as the evidence is right; `nan` where nothing was
        looked at.
    by_heart
        Whether the model agrees with a label that it was trained on and that the evidence contradicts.
    why
        The evidence in words.
    """

    example_id: str
    split: str
    true_label: str
    source: str
    class_result: str
    probability: float
    more_probable: str
    suspected: Side
    score: float
    by_heart: bool
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceCount:
    """Labels of one source: how many there are, how many differ from the model, and how many are suspected."""

    source: str
    num_labels: int
    num_differ: int
    num_suspected: int


def found_disagreements(rows: ComparedRows, looked_at: np.ndarray, doubts: LabelDoubts) -> list[Disagreement]:
    """Every example whose stored label is not the model's class, and those learnt by heart; the most evidence first.

    Parameters
    ----------
    rows
        N examples.
    looked_at
        Shape (B,), int, ascending: those with evidence.
    doubts
        Of these B examples.
    """
    place_of = {row: place for place, row in enumerate(looked_at.tolist())}
    listed = rows.differ.copy()
    listed[looked_at[_are_contradicted(rows, looked_at, doubts)]] = True
    chosen = np.flatnonzero(listed).tolist()
    ids = [rows.example_ids[row] for row in looked_at.tolist()]
    labels, by_people = rows.labels[looked_at], rows.by_people[looked_at]
    found = [
        _disagreement(rows, row, place_of.get(row), doubts, _Around(ids=ids, labels=labels, by_people=by_people))
        for row in chosen
    ]
    return sorted(found, key=lambda item: (-item.score if item.score == item.score else 1.0, item.example_id))


def source_counts(rows: ComparedRows, found: list[Disagreement]) -> list[SourceCount]:
    """Labels by source, the most numerous first."""
    sources = Counter(source_in_words(rows, row) for row in range(len(rows)))
    differ = Counter(item.source for item in found if not item.by_heart)
    suspected = Counter(item.source for item in found if item.suspected in ("stored label", "both"))
    return [
        SourceCount(source=name, num_labels=times, num_differ=differ[name], num_suspected=suspected[name])
        for name, times in sources.most_common()
    ]


def source_in_words(rows: ComparedRows, row: int) -> str:
    """Who gave a label: labels by models that name no version are the initial model's."""
    if rows.sources[row] != "model":
        return str(rows.sources[row])
    model, round_number = rows.label_models[row], rows.label_rounds[row]
    if not model:
        return "initial model"
    return f"pseudo label of {model}" + ("" if round_number is None else f", round {round_number}")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Around:
    """What is needed to name the neighbours of B examples."""

    ids: list[str]
    labels: np.ndarray
    by_people: np.ndarray


def _are_contradicted(rows: ComparedRows, looked_at: np.ndarray, doubts: LabelDoubts) -> np.ndarray:
    """Whether the evidence favours another class than the stored label, shape (B,), bool."""
    contradicted: np.ndarray = (doubts.scores > 0.5) & (doubts.truth.argmax(axis=1) != rows.labels[looked_at])
    return contradicted


def _disagreement(
    rows: ComparedRows, row: int, place: int | None, doubts: LabelDoubts, around: _Around
) -> Disagreement:
    best = None if place is None else int(doubts.truth[place].argmax())
    stored, predicted = int(rows.labels[row]), int(rows.predicted[row])
    return Disagreement(
        example_id=rows.example_ids[row],
        split=str(rows.splits[row]),
        true_label=rows.class_names[stored],
        source=source_in_words(rows, row),
        class_result=rows.class_names[predicted],
        probability=float(rows.probabilities[row, predicted]),
        more_probable="" if best is None else rows.class_names[best],
        suspected=_side(stored, predicted, best),
        score=math.nan if place is None else float(doubts.scores[place]),
        by_heart=stored == predicted,
        why="not looked at: too many examples" if place is None else _why(rows, row, place, doubts, around),
    )


def _side(stored: int, predicted: int, best: int | None) -> Side:
    if best is None:
        return ""
    if best == stored:
        return "model"
    return "stored label" if best == predicted else "both"


def _why(rows: ComparedRows, row: int, place: int, doubts: LabelDoubts, around: _Around) -> str:
    best = int(doubts.truth[place].argmax())
    name = rows.class_names[best]
    reasons, opinions = [], doubts.opinions[place]
    if len(opinions):
        taught = "people's labels alone" if doubts.by_people else "the other labels"
        reasons.append(f"{int((opinions == best).sum())} of {len(opinions)} models taught by {taught} say {name}")
    if rows.trained_on[row]:
        by_heart = rows.labels[row] == rows.predicted[row]
        reasons.append("the model agrees, but was trained on this label" if by_heart else "the model was trained on it")
    if math.isfinite(rows.label_probabilities[row]):
        reasons.append(f"its writer was {rows.label_probabilities[row]:.0%} sure")
    if math.isfinite(rows.agreements[row]):
        reasons.append(f"{rows.agreements[row]:.0%} of the annotators agreed")
    near = doubts.neighbours[place]
    if len(near):
        same = around.labels[near] == best
        people = int((same & around.by_people[near]).sum())
        reasons.append(f"{int(same.sum())} of {len(near)} nearest are {name}, {people} by people")
    other = contradicting(doubts, place)
    if other is not None:
        who = "a person" if around.by_people[other] else "a model or rule"
        reasons.append(f"near duplicate of {around.ids[other]}, which {who} labelled otherwise")
    return "; ".join(reasons) or "nothing is known of it"
