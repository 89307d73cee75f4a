"""The guard: labels by a model are admitted where they are shown to help, and refused with the figures elsewhere.

Three questions, all about labels that people gave: does a stand-in gain by its own labels on rows that it never saw; do
two halves of the labels then lead to the same answers all over the pool; and do the very labels that would be admitted
leave a stand-in no worse. A noise rate is no guard: labels of which one in ten is wrong may help or harm.
Shapes: L training labels, M held-out ones, N pool rows, P proposed labels, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.active_learning.pseudo_labels.class_cap import capped_choice
from components.active_learning.pseudo_labels.self_training import (
    own_classes,
    PeopleLabels,
    self_training,
    SelfTraining,
    Teacher,
    with_common_p_values,
)
from components.active_learning.pseudo_labels.stand_ins import stacked, StandIn
from components.drift.paired_shares import paired_shares, PairedDifference
from components.modeling.cheap_models.fitting import Matrix
from components.modeling.label_evidence.label_spreading import LabelGraph

# Of people's labels alone; the pool must say the same at 5 %, and the labels themselves must not harm.
LEVEL = 0.1
# A refusal costs little and harm much: worse at 4 to 1 is enough to refuse.
WORSE_LEVEL = 0.2
# Held-out labels from which on training labels are not asked too whether the proposed ones harm.
ENOUGH_HELD_OUT = 50
MIN_OF_A_CLASS = 2
_NUM_FOLDS = 5
_TAUGHT: dict[Teacher, str] = {"itself": "labels of its own", "neighbours": "labels from the nearest examples"}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ProposedLabels:
    """`classes` that a model would give to `rows` of the pool, (P,) each; at most `times` for each of people's."""

    times: int
    rows: np.ndarray
    classes: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True)
class HarmCheck:
    """A stand-in with the proposed labels (challenger) and without, on people's labels of `where`."""

    stand_in: str
    times: int
    where: str
    people: PairedDifference

    @property
    def is_worse(self) -> bool:
        """Whether they seem to harm."""
        return self.people.difference < 0.0 and self.people.p_value < WORSE_LEVEL


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Decision:
    """What is admitted, and why.

    Attributes
    ----------
    admitted
        None where labels are refused.
    reason
        One sentence with the figures.
    trainings, checks
        All that was looked at.
    """

    admitted: ProposedLabels | None
    reason: str
    trainings: tuple[SelfTraining, ...] = ()
    checks: tuple[HarmCheck, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PoolAnswers:
    """What the model says of a pool.

    Attributes
    ----------
    probabilities
        Shape (N, K), calibrated.
    thresholds
        Shape (K,): what a label of each class must reach.
    second
        Shape (N,), the class by the second view; None where there is none.
    """

    probabilities: np.ndarray
    thresholds: np.ndarray
    second: np.ndarray | None = None

    def proposed(self, people: PeopleLabels, times: int, own: np.ndarray) -> ProposedLabels:
        """The surest of each class above its threshold, where the second view and the stand-in's `own` class agree."""
        classes = self.probabilities.argmax(axis=1)
        is_candidate = (self.probabilities.max(axis=1) >= self.thresholds[classes]) & (own == classes)
        if self.second is not None:
            is_candidate &= self.second == classes
        rows = capped_choice(self.probabilities, is_candidate, people.counts(), times)
        return ProposedLabels(times=times, rows=rows, classes=classes[rows])


def judged(
    stand_ins: Sequence[StandIn],
    people: PeopleLabels,
    answers: PoolAnswers,
    *,
    second_view: LabelGraph | None,
    seed: int = 0,
) -> Decision:
    """Admit labels by the model, many or few, or none.

    Parameters
    ----------
    stand_ins
        Cheap models of the modality; one that gains by more than chance is enough, none may be made worse.
    second_view
        Of the training rows, then the pool's; None only without stand-ins.
    seed
        Of the halves and folds.
    """
    why_none = _why_none(stand_ins, people)
    if why_none or second_view is None:
        return Decision(admitted=None, reason=f"labels by the model are refused: {why_none}")
    trials = [
        (stand_in, trial)
        for stand_in in stand_ins
        for trial in self_training(stand_in, people, second_view=second_view, seed=seed)
    ]
    figures = with_common_p_values([trial for _, trial in trials], seed=seed)
    pairs = zip((stand_in for stand_in, _ in trials), figures, strict=True)
    shown = sorted((pair for pair in pairs if pair[1].is_shown(LEVEL)), key=lambda pair: -pair[1].gain_low)
    checks: list[HarmCheck] = []
    for stand_in, training in shown:
        own = own_classes(stand_in, people, training.recipe, second_view)
        proposal = answers.proposed(people, training.recipe.times, own)
        if len(proposal.rows):
            found = [_harm_check(other, people, proposal, seed) for other in stand_ins]
            checks += found
            if not any(check.is_worse for check in found):
                reason = f"{len(proposal.rows):,} labels by the model are admitted: {_gain_in_words(training)}"
                return Decision(admitted=proposal, reason=reason, trainings=figures, checks=tuple(checks))
    reason = _why_refused(figures, bool(shown), checks)
    return Decision(admitted=None, reason=reason, trainings=figures, checks=tuple(checks))


def _why_none(stand_ins: Sequence[StandIn], people: PeopleLabels) -> str:
    if not stand_ins:
        return "no cheap model of the modality can be fitted to judge them with"
    if (people.counts() >= MIN_OF_A_CLASS).sum() < 2:
        return (
            f"people must have labelled {MIN_OF_A_CLASS} training examples of each of two classes to judge them by, "
            f"but the classes have {', '.join(str(count) for count in people.counts().tolist())}"
        )
    return ""


def _why_refused(trainings: Sequence[SelfTraining], is_any_shown: bool, checks: Sequence[HarmCheck]) -> str:
    if is_any_shown and not checks:
        return (
            "labels by the model are refused: there is no row of the pool of which the model is sure enough and both "
            "the nearest examples and a cheap model agree"
        )
    harmful = [check for check in checks if check.is_worse]
    if harmful:
        return _harm_in_words(harmful[0])
    best = max(trainings, key=lambda training: (training.people.difference, training.gain_low))
    return f"labels by the model are refused, for it is not shown that they help: {_gain_in_words(best)}"


def _harm_check(stand_in: StandIn, people: PeopleLabels, proposal: ProposedLabels, seed: int) -> HarmCheck:
    """On held-out labels; where these are few, on training labels too, out of fold.

    The model saw the training labels, and may have passed them on to the pool: there labels that harm may look
    harmless, but not the other way round.
    """
    added, classes = stand_in.pool[proposal.rows], proposal.classes

    def right(kept: np.ndarray, asked: Matrix, truth: np.ndarray) -> np.ndarray:
        """Whether the stand-in is right with the labels, and without: shape (2, rows of `asked`)."""
        rows, labels = stand_in.train[kept], people.train[kept]
        more = stand_in.fitted(stacked(rows, added), np.concatenate([labels, classes]), people.num_classes)
        without = stand_in.fitted(rows, labels, people.num_classes)
        return np.stack([model(asked).argmax(axis=1) == truth for model in (more, without)])

    everyone = np.arange(len(people.train))
    parts = [right(everyone, stand_in.held_out, people.held_out)]
    is_few = len(people.held_out) < ENOUGH_HELD_OUT
    if is_few:
        fold = np.random.default_rng(seed).permutation(len(everyone)) % _NUM_FOLDS
        for number in np.unique(fold):
            asked = fold == number
            parts.append(right(everyone[~asked], stand_in.train[asked], people.train[asked]))
    return HarmCheck(
        stand_in=stand_in.name,
        times=proposal.times,
        where="validation, and training out of fold" if is_few else "validation",
        people=paired_shares(*np.concatenate(parts, axis=1)),
    )


def _gain_in_words(training: SelfTraining) -> str:
    people, taught = training.people, _TAUGHT[training.recipe.teacher]
    return (
        f"{training.stand_in}, fitted to halves of people's labels, has an accuracy of {people.challenger:.3f} on "
        f"those that it never saw with {taught} and {people.champion:.3f} without (difference "
        f"{people.difference:+.3f}, 95 % interval {people.low:+.3f} to {people.high:+.3f}), and two halves agree on "
        f"the pool by a kappa of {training.agreement_with:.2f} instead of {training.agreement_without:.2f}"
    )


def _harm_in_words(check: HarmCheck) -> str:
    people = check.people
    return (
        f"labels by the model are refused, for they seem to harm: with them {check.stand_in} has an accuracy of "
        f"{people.challenger:.3f} on people's labels ({check.where}), without them {people.champion:.3f} (difference "
        f"{people.difference:+.3f}, 95 % interval {people.low:+.3f} to {people.high:+.3f})"
    )
