"""How much of a model's seeming accuracy is agreement with labels that a model wrote.

Shapes: N examples, M of them that people labelled and the model did not see, K classes.

References
----------
Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17 (1998),
method 10.
"""

from dataclasses import dataclass
import math

import numpy as np

from components.active_learning.disagreement.compared_rows import ComparedRows
from components.drift.paired_shares import no_difference, paired_shares, PairedDifference
from components.drift.share_intervals import effective_number, wilson_interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """Share of labels that a model's classes equal, 0 to 1, with its 95 % interval; `nan` without labels."""

    num_labels: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SeemingGain:
    """A model judged by labels of models and by labels of people.

    Attributes
    ----------
    with_models, with_people
        Agreement with labels that models wrote, and with people's labels of validation and test examples.
    were_trained_on
        Whether the model was trained on those that models wrote.
    difference, low, high
        Of the two shares, and its 95 % interval; `nan` where one is not known.
    with_initial
        On the M examples of `with_people`: agreement with the initial model (`challenger`) against agreement with
        people (`champion`), paired.
    against_initial
        On the same examples: accuracy of the model (`challenger`) against that of the initial one (`champion`), by
        people's labels, paired. Without answers of an initial model both have no examples.
    """

    with_models: Agreement
    with_people: Agreement
    were_trained_on: bool
    difference: float
    low: float
    high: float
    with_initial: PairedDifference
    against_initial: PairedDifference

    def sentences(self) -> list[str]:
        """The gap in words, one sentence for each comparison that can be made."""
        return [text for text in (self._by_stored(), self._by_answers(), self._by_people()) if text]

    def _by_stored(self) -> str:
        models, people = self.with_models, self.with_people
        if not models.num_labels or not people.num_labels:
            return ""
        trained = ", on which it was trained," if self.were_trained_on else ""
        verdict = _gap_verdict(self.low, self.high, "its accuracy is agreement with a model")
        return (
            f"It agrees with models' labels{trained} in {models.share:.1%}, with people's, which it did not see, in "
            f"{people.share:.1%}: {_points(self.difference)} of seeming gain ({_range(self.low, self.high)} with 95 % "
            f"confidence). {verdict}"
        )

    def _by_answers(self) -> str:
        found = self.with_initial
        if not found.num_examples:
            return ""
        verdict = _gap_verdict(found.low, found.high, "the initial model's labels flatter it")
        return (
            f"On the same {found.num_examples:,} examples that people labelled, it agrees with the initial model in "
            f"{found.challenger:.1%} and with people in {found.champion:.1%}: judged by the initial model's labels it "
            f"would seem {_points(found.difference)} better than it is ({_range(found.low, found.high)}). {verdict}"
        )

    def _by_people(self) -> str:
        found = self.against_initial
        if not found.num_examples:
            return ""
        said = "a gain, by people's labels"
        if found.low <= 0 <= found.high:
            said = "no difference is shown"
        elif found.high < 0:
            said = "a loss, by people's labels"
        return (
            f"By people's labels it is right in {found.challenger:.1%} and the initial model in {found.champion:.1%}: "
            f"{_points(found.difference)} ({_range(found.low, found.high)}), {said}."
        )


def seeming_gain(rows: ComparedRows, initial: np.ndarray | None = None) -> SeemingGain:
    """Judge a model by models' labels and by people's.

    Parameters
    ----------
    rows
        N labels with the model's classes.
    initial
        Shape (N, K), `nan` where not known: answers of the model that wrote labels.
    """
    right = ~rows.differ
    by_models = rows.sources == "model"
    unseen = by_models & ~rows.trained_on
    chosen = unseen if unseen.any() else by_models
    held_out = rows.by_people & ~rows.trained_on
    with_models, with_people = _agreement(rows, right, chosen), _agreement(rows, right, held_out)
    low, high = _difference_interval(with_models, with_people)
    with_initial = against_initial = no_difference(0)
    if initial is not None:
        both = np.flatnonzero(held_out & np.isfinite(initial).all(axis=1))
        groups = None if rows.groups is None else rows.groups[both]
        classes = np.nan_to_num(initial[both]).argmax(axis=1)
        with_initial = paired_shares(rows.predicted[both] == classes, right[both], groups)
        against_initial = paired_shares(right[both], classes == rows.labels[both], groups)
    return SeemingGain(
        with_models=with_models,
        with_people=with_people,
        were_trained_on=not unseen.any(),
        difference=with_models.share - with_people.share,
        low=low,
        high=high,
        with_initial=with_initial,
        against_initial=against_initial,
    )


def _agreement(rows: ComparedRows, right: np.ndarray, chosen: np.ndarray) -> Agreement:
    own = right[chosen]
    if not len(own):
        return Agreement(num_labels=0, share=math.nan, low=math.nan, high=math.nan)
    share, number = float(own.mean()), float(len(own))
    if rows.groups is not None:
        number = effective_number(own - share, rows.groups[chosen], share * (1.0 - share))
    low, high = wilson_interval(share * number, number)
    return Agreement(num_labels=len(own), share=share, low=low, high=high)


def _difference_interval(first: Agreement, second: Agreement) -> tuple[float, float]:
    difference = first.share - second.share
    below = math.hypot(first.share - first.low, second.high - second.share)
    above = math.hypot(first.high - first.share, second.share - second.low)
    return difference - below, difference + above


def _gap_verdict(low: float, high: float, when_shown: str) -> str:
    if low > 0:
        return f"So {when_shown}: only people's labels say how good it is."
    if high < 0:
        return "It agrees with people more than with models."
    return "No gap is shown."


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _range(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f}"
