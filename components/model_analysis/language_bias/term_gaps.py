"""How a model's scores differ between a term and the others of its kind, template by template.

Shapes: T templates, M terms, S scores (classes, or one).
"""

from collections.abc import Sequence

import numpy as np

from components.model_analysis.language_bias.measures import (
    BiasMeasure,
    clustered_mean,
    gap_p_value,
    MeasureName,
    Steadiness,
)
from components.model_analysis.language_bias.sentences import Term
from components.shared.tables.identity_terms import Language

# Fewer terms do not say how much a term moves the model, if some of them may be biased.
_FEWEST_TERMS = 20
# Median size of a standard normal value, and how well it estimates the deviation (Rousseeuw and Croux, Alternatives to
# the median absolute deviation, Journal of the American Statistical Association 88, 1993).
_MEDIAN_OF_NORMAL, _EFFICIENCY = 0.6745, 0.37


def gaps_to_others(scores_TMS: np.ndarray, terms: Sequence[Term]) -> np.ndarray:
    """Score of each term less the median of the other terms of its kind in the same template, shape (T, M, S).

    The median, so that one term that a model is biased against does not make the others look favoured.
    """
    gaps_TMS = np.empty_like(scores_TMS)
    for members in _by_kind(terms):
        for m in members:
            others = [other for other in members if other != m]
            gaps_TMS[:, m] = scores_TMS[:, m] - np.median(scores_TMS[:, others], axis=1)
    return gaps_TMS


def flips_to_others(answers_TM: np.ndarray, terms: Sequence[Term]) -> np.ndarray:
    """Share of the other terms of its kind with another answer in the same template, shape (T, M)."""
    flips_TM = np.zeros(answers_TM.shape)
    for members in _by_kind(terms):
        for m in members:
            others = [other for other in members if other != m]
            flips_TM[:, m] = (answers_TM[:, others] != answers_TM[:, [m]]).mean(axis=1)
    return flips_TM


def steadiness_of(gaps_TMS: np.ndarray, terms: Sequence[Term]) -> list[Steadiness]:
    """How much words that do not matter move each of the S scores: the larger of what two groups of words say.

    Control words are the first group. A model may never have met them, and then nothing moves; so the terms themselves
    are the second, by the median of their gaps, which a few biased ones do not raise.
    """
    is_control = np.array([term.is_control for term in terms])
    means_MS = gaps_TMS.mean(axis=0)
    return [_steadiness(means_M[is_control], means_M[~is_control]) for means_M in means_MS.T]


def term_measures(
    scores_TMS: np.ndarray,
    answers_TM: np.ndarray,
    *,
    terms: Sequence[Term],
    outcomes: Sequence[str],
    polarities: Sequence[str],
    measure: MeasureName,
    language: Language,
) -> tuple[list[BiasMeasure], list[Steadiness]]:
    """Gaps of every term in every score, not yet judged, and how steady the model is.

    Parameters
    ----------
    scores_TMS
        Shape (T, M, S): probabilities or log odds.
    answers_TM
        Shape (T, M): what the model decides, any values that can be compared.
    outcomes
        S names of the scores.
    polarities
        T polarities of the templates, or as many times the same.
    """
    gaps_TMS = gaps_to_others(scores_TMS, terms)
    flips_TM = flips_to_others(answers_TM, terms)
    steadiness = steadiness_of(gaps_TMS, terms)
    measures = [
        BiasMeasure(
            measure=measure,
            language=language,
            kind=term.kind,
            subject=term.name,
            against="others of its kind",
            outcome=outcome,
            gap=clustered_mean(gaps_TMS[:, m, s]),
            rate=clustered_mean(flips_TM[:, m], bounds=(0.0, 1.0)),
            p_value=gap_p_value(gaps_TMS[:, m, s], steadiness[s]),
            num_templates=len(scores_TMS),
            is_control=term.is_control,
            by_polarity=_by_polarity(gaps_TMS[:, m, s], polarities),
        )
        for m, term in enumerate(terms)
        for s, outcome in enumerate(outcomes)
    ]
    return measures, steadiness


def _steadiness(controls: np.ndarray, others: np.ndarray) -> Steadiness:
    by_controls, by_terms = Steadiness(), Steadiness()
    if len(controls):
        by_controls = Steadiness(deviation=float(np.sqrt((controls**2).mean())), num_words=len(controls))
    if len(others) >= _FEWEST_TERMS:
        deviation = float(np.median(np.abs(others))) / _MEDIAN_OF_NORMAL
        by_terms = Steadiness(deviation=deviation, num_words=int(_EFFICIENCY * len(others)))
    return max(by_controls, by_terms, key=lambda one: one.deviation)


def _by_kind(terms: Sequence[Term]) -> list[list[int]]:
    kinds: dict[tuple[bool, str], list[int]] = {}
    for m, term in enumerate(terms):
        kinds.setdefault((term.is_control, term.kind), []).append(m)
    return list(kinds.values())


def _by_polarity(gaps_T: np.ndarray, polarities: Sequence[str]) -> dict[str, float]:
    names = np.asarray(polarities)
    return {name: float(gaps_T[names == name].mean()) for name in dict.fromkeys(polarities)}
