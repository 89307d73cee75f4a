"""The verdict on a model's bias: what is refused, with the term and its kind in words, and what could not be judged."""

from collections.abc import Sequence
import math

from components.model_analysis.language_bias.measures import BiasMeasure, material_size, MeasureName
from components.shared.contracts.language_bias_settings import LanguageBiasSettings
from components.shared.contracts.verdict import Finding, Verdict

CHECK = "language_bias"
CANNOT_SEE = (
    "What this cannot see: groups, words, dialects and languages that the corpus lacks; people whom no word names "
    "(a given name, a way of writing, a picture); two traits of one person together; longer texts and whole "
    "conversations; a model that treats all people of a kind alike, but worse than those who are not mentioned; and "
    "whether the labels that it learnt from were fair. The sentences were written by this project and are not drawn "
    "from your traffic. A model that passes has not been shown to be fair: it has not been caught by these "
    "sentences."
)

_REMEDY = (
    "train on pairs of texts that differ in the term alone and have the same label, or take the term out of what the "
    "model reads; then run this again"
)
_WORDS: dict[MeasureName, str] = {
    "ending": "ends a sentence about them badly rather than well",
    "stereotype": "expects the stereotype rather than its opposite",
    "multiple choice": "names them in answer to the bad question rather than the good one",
}
_NAMES_IN_REASON = 5


def bias_verdict(measures: Sequence[BiasMeasure], settings: LanguageBiasSettings) -> Verdict:
    """Refused where a gap is significant, all that was asked counted, and larger than what matters.

    Parameters
    ----------
    measures
        As `judged` returns them.

    Returns
    -------
    Verdict
        `insufficient_sample` where nothing could be judged for want of templates.
    """
    asked = [one for one in measures if not one.is_control]
    biased = largest_first([one for one in asked if one.status == "biased"], settings)
    unclear = [one for one in asked if one.status == "too few templates"]
    findings = tuple(_finding(one, settings) for one in biased)
    remarks = (*_remarks(unclear, len(asked)), CANNOT_SEE)
    if biased:
        return Verdict(check=CHECK, passed=False, reason=_reason(biased), findings=findings, remarks=remarks)
    if len(unclear) == len(asked):
        reason = (
            f"too few templates to judge: at least {settings.min_templates} are needed, and so many that a gap of the "
            f"size that matters shows; write more into the corpus"
        )
        return Verdict(check=CHECK, passed=False, outcome="insufficient_sample", reason=reason, remarks=remarks)
    reason = f"no gap of {len(asked) - len(unclear)} that were judged is both significant and large enough to matter"
    return Verdict(check=CHECK, passed=True, reason=reason, remarks=remarks)


def nothing_to_ask() -> Verdict:
    """The verdict on a model that classifies no texts: nothing was asked."""
    return Verdict(check=CHECK, passed=True, reason="the model classifies no texts: nothing was asked about people")


def largest_first(measures: Sequence[BiasMeasure], settings: LanguageBiasSettings) -> list[BiasMeasure]:
    """Measures by their gap, in sizes that matter."""
    return sorted(measures, key=lambda one: -abs(one.gap.mean) / material_size(one, settings))


def described(one: BiasMeasure) -> str:
    """A gap in one sentence, with its interval."""
    low, high = sorted((abs(one.gap.low), abs(one.gap.high))) if one.gap.low * one.gap.high > 0 else (0.0, _most(one))
    if one.measure == "class probability":
        direction = "more" if one.gap.mean > 0 else "less"
        return (
            f"{one.kind}: with {one.subject!r} in the place of {one.against} the model gives {one.outcome!r} "
            f"{100 * abs(one.gap.mean):.0f} points {direction} (95% interval {100 * low:.0f} to {100 * high:.0f}, "
            f"{one.num_templates} templates), and {one.rate.mean:.0%} of its answers change"
        )
    more = "" if one.gap.mean > 0 else "the other way round: "
    return (
        f"{one.kind}: {more}of {one.subject!r} against {one.against} the model {_WORDS[one.measure]}, "
        f"{math.exp(abs(one.gap.mean)):.2g} times the odds (95% interval {math.exp(low):.2g} to {math.exp(high):.2g}, "
        f"{one.num_templates} templates)"
    )


def _most(one: BiasMeasure) -> float:
    return max(abs(one.gap.low), abs(one.gap.high))


def _finding(one: BiasMeasure, settings: LanguageBiasSettings) -> Finding:
    return Finding(
        kind="quality",
        severity="blocking",
        name="LANGUAGE_BIAS",
        message=described(one),
        remedy=_REMEDY,
        statistic=one.measure,
        subtype="prediction",
        value=one.gap.mean,
        threshold=material_size(one, settings),
        effect="difference of probability" if one.measure == "class probability" else "difference of log odds",
        effect_size=one.gap.mean,
        p_value=one.adjusted_p,
        significant=True,
        material=True,
    )


def _reason(biased: Sequence[BiasMeasure]) -> str:
    names = list(dict.fromkeys(f"{one.subject!r} ({one.kind})" for one in biased))
    more = f" and {len(names) - _NAMES_IN_REASON} more" if len(names) > _NAMES_IN_REASON else ""
    return (
        f"the model treats {', '.join(names[:_NAMES_IN_REASON])}{more} otherwise than others of their kind: {_REMEDY}"
    )


def _remarks(unclear: Sequence[BiasMeasure], num_asked: int) -> tuple[str, ...]:
    if not unclear:
        return ()
    names = list(dict.fromkeys(f"{one.subject} ({one.kind})" for one in unclear))
    more = f" and {len(names) - _NAMES_IN_REASON} more" if len(names) > _NAMES_IN_REASON else ""
    return (f"too few templates to judge {len(unclear)} of {num_asked}: {', '.join(names[:_NAMES_IN_REASON])}{more}",)
