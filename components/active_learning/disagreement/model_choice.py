"""Which of several candidates goes on, by people's labels of the validation split.

Shapes: N examples that people labelled and every candidate answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np

from components.active_learning.disagreement.compared_rows import answers_of, compared_rows
from components.drift.paired_shares import no_difference, paired_shares, PairedDifference
from components.drift.paired_statistics import smallest_detectable_difference
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable

# One-sided, as the lower end of a 95 % interval.
LEVEL = 0.025


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedCandidate:
    """A candidate's accuracy, 0 to 1 or `nan`, and what it has over the first one (`challenger` is the candidate).

    `p_value` is the chance of a lead at least this large of a candidate that is as good as the first; 1 for the first.
    """

    name: str
    accuracy: float
    against_first: PairedDifference
    p_value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelChoice:
    """Which candidate goes on, why, and all of them as they were given, the simplest first."""

    chosen: int
    reason: str
    num_examples: int
    candidates: tuple[JudgedCandidate, ...]

    @property
    def name(self) -> str:
        """Of the one that goes on."""
        return self.candidates[self.chosen].name


def chosen_model(examples: ExampleTable, tables: Sequence[PredictionsTable], names: Sequence[str]) -> ModelChoice:
    """Choose among candidates: the first, unless another is better by more than chance.

    Parameters
    ----------
    examples
        Whose validation labels by people judge; labels by models and rules never do.
    tables
        Each candidate's answers, the simplest candidate first.
    names
        What they are called, in the same order.

    Returns
    -------
    ModelChoice
        Where several are better than the first, the one of the largest lead; the level is shared among them.

    Raises
    ------
    ValueError
        If there are fewer than two candidates, names are not one each, or they know different classes.
    """
    if len(tables) < 2 or len(set(names)) != len(tables):
        raise ValueError(
            f"candidates must be two or more, each with a name of its own, got {', '.join(names) or 'none'}"
        )
    rows = compared_rows(examples, tables[0])
    rows = rows.taken(np.flatnonzero(rows.by_people & (rows.splits == "validation")))
    answers = [answers_of(rows, table) for table in tables]
    both = np.all([np.isfinite(found).all(axis=1) for found in answers], axis=0)
    rights = [np.nan_to_num(found).argmax(axis=1)[both] == rows.labels[both] for found in answers]
    groups = None if rows.groups is None else rows.groups[both]
    return _chosen(rights, names, groups)


def _chosen(rights: Sequence[np.ndarray], names: Sequence[str], groups: np.ndarray | None) -> ModelChoice:
    candidates = [_judged(right, rights[0], name, groups) for right, name in zip(rights, names, strict=True)]
    level = LEVEL / (len(candidates) - 1)
    better = [place for place, item in enumerate(candidates) if place and item.p_value <= level]
    chosen = max(better, key=lambda place: candidates[place].against_first.difference) if better else 0
    return ModelChoice(
        chosen=chosen,
        reason=_reason(candidates, chosen, len(rights[0]), level),
        num_examples=len(rights[0]),
        candidates=tuple(candidates),
    )


def _judged(right: np.ndarray, first: np.ndarray, name: str, groups: np.ndarray | None) -> JudgedCandidate:
    if not len(right) or right is first:
        accuracy = float(right.mean()) if len(right) else math.nan
        return JudgedCandidate(name=name, accuracy=accuracy, against_first=no_difference(len(right)), p_value=1.0)
    return JudgedCandidate(
        name=name,
        accuracy=float(right.mean()),
        against_first=paired_shares(right, first, groups),
        p_value=paired_shares(first, right, groups).p_value,
    )


def _reason(candidates: Sequence[JudgedCandidate], chosen: int, num_examples: int, level: float) -> str:
    first, best = candidates[0], candidates[chosen]
    if not num_examples:
        return f"{first.name} goes on: people labelled no validation example that all candidates answered"
    where = f"on {num_examples:,} validation examples that people labelled"
    if chosen:
        found = best.against_first
        return (
            f"{best.name} goes on: {100 * found.difference:.1f} points better than {first.name} {where} (95 % interval "
            f"{100 * found.low:+.1f} to {100 * found.high:+.1f}, p {best.p_value:.2g} of at most {level:.3g})"
        )
    leads = [item.against_first for item in candidates[1:]]
    smallest = max(smallest_detectable_difference(lead.error, 0.0, level=level) for lead in leads)
    return (
        f"{first.name} goes on: no other is better by more than chance {where}; a lead of {100 * smallest:.1f} points "
        f"would mostly have been found"
    )
