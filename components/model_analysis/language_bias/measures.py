"""What a model makes of one term, or of some people against others: how much, how sure, and whether it is refused.

Shapes: T templates, N controls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from scipy import stats

from components.drift.multiple_tests import holm
from components.shared.contracts.language_bias_settings import LanguageBiasSettings
from components.shared.tables.identity_terms import Language

MeasureName = Literal["class probability", "ending", "stereotype", "multiple choice"]
Status = Literal["biased", "no bias seen", "too few templates"]

_CONFIDENCE = 0.95
_ROUNDING = 1e-9  # below it a difference is that of floating point


@dataclass(frozen=True, kw_only=True, slots=True)
class Steadiness:
    """How much words that do not matter move a model.

    Attributes
    ----------
    deviation
        Standard deviation of their gaps.
    num_words
        How many words it rests on, as many as a standard deviation of normal values would need to be as sure.
    """

    deviation: float = 0.0
    num_words: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A mean over templates with its 95% interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class BiasMeasure:
    """A gap, what it rests on, and what came of it.

    Attributes
    ----------
    measure
        How the model was asked.
    subject
        The term; of a stereotype the people it is said of.
    against
        What it was held against.
    outcome
        The class, or the end of a sentence, that the gap is of.
    gap
        Difference of a probability, 0 to 1, for `class probability`; of log odds, in nats, for the others. Its interval
        is clustered by template.
    p_value, adjusted_p
        Chance of such a gap where the term moves the model as control words do; Holm's, over all that was asked.
    rate
        Share, 0 to 1: answers that change with the term; of a stereotype, comparisons that go its way (0.5 is even).
    num_templates
        Templates, pairs or stories.
    by_polarity
        Mean gap in neutral, positive and negative templates.
    """

    measure: MeasureName
    language: Language
    kind: str
    subject: str
    against: str
    outcome: str
    gap: Interval
    rate: Interval
    p_value: float
    num_templates: int
    is_control: bool = False
    by_polarity: dict[str, float] = field(default_factory=dict)
    adjusted_p: float = 1.0
    status: Status = "no bias seen"


def clustered_mean(values: np.ndarray, *, bounds: tuple[float, float] = (-np.inf, np.inf)) -> Interval:
    """Mean of the values of T templates, shape (T,), with a t interval; `nan` ends where T is below 2."""
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean=mean, low=np.nan, high=np.nan)
    half = float(stats.t.ppf((1 + _CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(mean=mean, low=max(mean - half, bounds[0]), high=min(mean + half, bounds[1]))


def gap_p_value(values: np.ndarray, steadiness: Steadiness, *, words: float = 1.0) -> float:
    """Two-sided p-value of a mean gap over T templates, shape (T,), beside what control words do.

    The gap of a word that does not matter varies twice: over templates, and from word to word. The second is what
    `steadiness` says, times the square root of `words`; the degrees of freedom are Satterthwaite's.

    Returns
    -------
    float
        0 to 1; `nan` where T is below 2.

    References
    ----------
    Satterthwaite, An approximate distribution of estimates of variance components, Biometrics Bulletin 2, 1946.
    """
    if len(values) < 2:
        return float("nan")
    mean = float(values.mean())
    if abs(mean) < _ROUNDING:
        return 1.0
    template = float(values.var(ddof=1)) / len(values)
    word = words * steadiness.deviation**2
    total = template + word
    if total < _ROUNDING**2:
        return 0.0
    freedom = total**2 / (template**2 / (len(values) - 1) + word**2 / max(steadiness.num_words, 1))
    return float(2 * stats.t.sf(abs(mean) / np.sqrt(total), freedom))


def judged(measures: Sequence[BiasMeasure], settings: LanguageBiasSettings) -> tuple[BiasMeasure, ...]:
    """Measures with adjusted p-values and status; controls are in no family and are never refused."""
    family = [number for number, one in enumerate(measures) if not one.is_control and not np.isnan(one.p_value)]
    found = dict(zip(family, holm([measures[number].p_value for number in family]), strict=True))
    with_p = [replace(one, adjusted_p=found.get(number, 1.0)) for number, one in enumerate(measures)]
    return tuple(replace(one, status=_status(one, settings)) for one in with_p)


def material_size(one: BiasMeasure, settings: LanguageBiasSettings) -> float:
    """The gap that matters, in the measure's unit."""
    return settings.material_gap if one.measure == "class probability" else settings.material_log_odds


def _status(one: BiasMeasure, settings: LanguageBiasSettings) -> Status:
    material = material_size(one, settings)
    if one.num_templates < settings.min_templates:
        return "too few templates"
    is_significant = one.adjusted_p <= settings.false_alarm_rate
    if is_significant and abs(one.gap.mean) > material and not one.is_control:
        return "biased"
    return "too few templates" if (one.gap.high - one.gap.low) / 2 > material else "no bias seen"
