"""The report on a model's bias: the verdict, the worst, every kind, the controls, and what it cannot see."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

from components.model_analysis.language_bias.classifier_answers import WorstPair
from components.model_analysis.language_bias.findings import CANNOT_SEE, described, largest_first
from components.model_analysis.language_bias.measures import BiasMeasure
from components.reporting.charts import bar_chart
from components.reporting.page import Cell, Report
from components.shared.contracts.language_bias_settings import LanguageBiasSettings
from components.shared.contracts.verdict import Verdict

_SHOWN_PAIRS, _DIGITS = 10, 3
_COLUMNS = ("kind", "term", "of", "gap", "low", "high", "answers that change", "low ", "high ", "p (Holm)", "judged")
_CONTRAST_COLUMNS = ("kind", "about", "against", "asked", "odds", "low", "high", "share", "p (Holm)", "judged")


@dataclass(frozen=True, kw_only=True, slots=True)
class BiasReportContent:
    """What a report shows.

    Attributes
    ----------
    model
        What was asked: `classifier`, `causal language model` ...
    num_texts
        How many sentences.
    """

    verdict: Verdict
    measures: tuple[BiasMeasure, ...]
    worst_pairs: tuple[WorstPair, ...]
    settings: LanguageBiasSettings
    model: str
    num_texts: int


def bias_report(content: BiasReportContent) -> Report:
    """The report, not yet written."""
    verdict, measures = content.verdict, content.measures
    report = Report("Bias of a language model", subtitle=f"{content.model}, {content.num_texts:,} sentences")
    report.verdict(verdict.passed, verdict.reason)
    if not measures:
        return report
    report.facts(_facts(content))
    for remark in verdict.remarks[:-1]:
        report.paragraph(remark, tone="warn")
    _worst(report, content)
    terms = [one for one in measures if one.measure in ("class probability", "ending")]
    for kind in dict.fromkeys(one.kind for one in terms if not one.is_control):
        of_kind = [one for one in terms if one.kind == kind and not one.is_control]
        report.heading(kind)
        _largest_gaps(report, of_kind)
        report.table(_COLUMNS, [_row(one) for one in of_kind])
    contrasts = [one for one in measures if one.measure in ("stereotype", "multiple choice")]
    if contrasts:
        report.heading("Paired sentences and multiple choice")
        report.table(_CONTRAST_COLUMNS, [_contrast_row(one) for one in contrasts], caption=_CONTRAST_CAPTION)
    report.heading("Words that should not matter")
    report.table(_COLUMNS, [_row(one) for one in terms if one.is_control], caption=_CONTROLS_CAPTION)
    report.heading("What this cannot see")
    report.paragraph(CANNOT_SEE)
    return report


_CONTRAST_CAPTION = (
    "Odds: how many times likelier the stereotype, or the answer to the negative question, is of the first than of the "
    "second; 1 is even. Share: comparisons that go the stereotype's way; 0.5 is even."
)
_CONTROLS_CAPTION = (
    "Names and colours. How far they move the model is what a term must exceed by more than chance; a model that they "
    "move far is unsteady, and small biases cannot be told from its noise."
)


def _facts(content: BiasReportContent) -> dict[str, Cell]:
    asked = [one for one in content.measures if not one.is_control]
    gap, odds = content.settings.material_gap, content.settings.material_odds
    is_classifier = any(one.measure == "class probability" for one in asked)
    return {
        "gaps judged": sum(one.status != "too few templates" for one in asked),
        "refused": sum(one.status == "biased" for one in asked),
        "too few templates": sum(one.status == "too few templates" for one in asked),
        "a gap that matters": f"{100 * gap:.0f} points" if is_classifier else f"{odds:g} times the odds",
        "false alarms allowed": f"{content.settings.false_alarm_rate:.0%} of runs",
    }


def _worst(report: Report, content: BiasReportContent) -> None:
    biased = largest_first([one for one in content.measures if one.status == "biased"], content.settings)
    for one in biased[:_SHOWN_PAIRS]:
        report.paragraph(described(one), tone="bad")
    pairs = _each_once(content.worst_pairs, first={one.subject for one in biased})
    if pairs:
        report.heading("Worst pairs")
        report.table(
            ("kind", "sentence", "answer", "score", "with another of its kind", "answer ", "score ", "of"),
            [_pair_row(pair) for pair in pairs[:_SHOWN_PAIRS]],
            caption="Two sentences that differ in the person alone: terms that are refused first.",
        )


def _each_once(pairs: Sequence[WorstPair], *, first: set[str]) -> list[WorstPair]:
    """Those of `first` before others, the farthest apart first; two sentences are one pair, whichever is the term's."""
    ordered = sorted(pairs, key=lambda one: (one.term not in first, -abs(one.score - one.other_score)))
    kept: dict[frozenset[str], WorstPair] = {}
    for one in ordered:
        kept.setdefault(frozenset((one.text, one.other_text)), one)
    return list(kept.values())


def _pair_row(one: WorstPair) -> tuple[Cell, ...]:
    scores = [round(value, _DIGITS) for value in (one.score, one.other_score)]
    return (one.kind, one.text, one.answer, scores[0], one.other_text, one.other_answer, scores[1], one.outcome)


def _largest_gaps(report: Report, measures: Sequence[BiasMeasure]) -> None:
    sizes: dict[str, dict[str, float]] = {}
    for one in measures:
        sizes.setdefault(one.subject, {})[one.outcome] = abs(one.gap.mean)
    unit = "probability" if measures[0].measure == "class probability" else "log odds"
    if len({one.outcome for one in measures}) == 1:
        report.figure(bar_chart(sizes, y_label=f"size of the gap, {unit}"))


def _row(one: BiasMeasure) -> tuple[Cell, ...]:
    gap, rate = one.gap, one.rate
    judged = "control" if one.is_control else one.status
    p = None if one.is_control else one.adjusted_p
    ends = [round(value, _DIGITS) for value in (gap.mean, gap.low, gap.high, rate.mean, rate.low, rate.high)]
    return (one.kind, one.subject, f"{one.outcome} ({one.language})", *ends, p, judged)


def _contrast_row(one: BiasMeasure) -> tuple[Cell, ...]:
    odds = [round(math.exp(value), 2) for value in (one.gap.mean, one.gap.low, one.gap.high)]
    asked = f"{one.measure} ({one.language})"
    return (one.kind, one.subject, one.against, asked, *odds, round(one.rate.mean, _DIGITS), one.adjusted_p, one.status)
