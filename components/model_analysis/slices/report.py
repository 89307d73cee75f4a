"""The report on weak slices: what was found, what the named slices look like, and what was searched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import math

from components.model_analysis.slices.conditions import SliceCondition, where_all
from components.model_analysis.slices.found_slices import WeakSlices
from components.model_analysis.slices.given_figures import GivenSlice
from components.model_analysis.slices.slice_figures import SliceFigures
from components.model_analysis.slices.words import sentence, slice_words
from components.reporting.page import Cell, Report

_MAX_GIVEN = 60
_FIGURES = {
    True: ("examples", "error", "elsewhere", "points more", "interval"),
    False: ("examples", "error", "elsewhere", "more", "interval"),
}
_UNEXPECTED_FIRST = (
    "Expected is the error where the model is as sure anywhere. First stand slices with more errors than that, whose "
    "labels or processing may be wrong; then those where the model knows that it is unsure."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SlicesReportContent:
    """What the report shows.

    Attributes
    ----------
    noun
        What an example is called: photos, texts, rows.
    given, too_small
        Slices that were named, with figures; and those without, with their examples.
    typical
        What the examples of a weak slice have in common, by its place; of clusters.
    remarks
        What was left out, a sentence each.
    """

    found: WeakSlices
    noun: str
    error_name: str
    given: Sequence[GivenSlice] = ()
    too_small: Mapping[str, int] = field(default_factory=dict)
    typical: Mapping[int, str] = field(default_factory=dict)
    remarks: Sequence[str] = ()


def slices_report(content: SlicesReportContent) -> Report:
    """Build the report."""
    found = content.found
    report = Report("Weak slices", subtitle=f"where the model errs more than elsewhere, of {content.noun}")
    report.facts(
        {
            "examples": found.num_examples,
            content.error_name: _figure(found.error, is_share=found.is_share),
            "weak slices": len(found.slices),
            "columns searched": len(found.columns),
            "conditions searched": found.num_conditions,
        }
    )
    report.paragraph(summary(found, noun=content.noun))
    _add_weak(report, content)
    _add_given(report, content)
    for remark in content.remarks:
        report.paragraph(remark)
    return report


def summary(found: WeakSlices, *, noun: str) -> str:
    """What was found, in one sentence."""
    if found.slices:
        worst = found.slices[0]
        words = slice_words(worst.conditions, noun=noun)
        return "Weakest: " + sentence(words, worst.figures, is_share=found.is_share, expected=worst.expected)
    if not found.num_conditions:
        return "Nothing was searched: there are too few labelled examples, no columns, or no errors."
    return (
        f"No slice is weaker than chance explains among {found.num_examples:,} {noun}: a slice that is would have to "
        "be larger, or weaker."
    )


def _add_weak(report: Report, content: SlicesReportContent) -> None:
    found = content.found
    if not found.slices:
        return
    report.heading("Weak slices")
    has_expected = any(math.isfinite(item.expected) for item in found.slices)
    if has_expected:
        report.paragraph(_UNEXPECTED_FIRST)
    report.table(
        ["", "slice", *_FIGURES[found.is_share], *(["expected"] if has_expected else []), "p"],
        [
            [
                place + 1,
                ("" if item.part_of is None else f"of {item.part_of + 1}: ")
                + slice_words(item.conditions, noun=content.noun),
                *_cells(item.figures, found.is_share),
                *([_figure(item.expected, is_share=found.is_share)] if has_expected else []),
                item.p_value,
            ]
            for place, item in enumerate(found.slices)
        ],
        caption="Ordered by how much worse each surely is. On errors at random any is "
        "reported in at most 5 % of all searches. Intervals hold together for all slices.",
    )
    for place, item in enumerate(found.slices):
        told = [content.typical[place]] if place in content.typical else []
        if item.folded:
            others = "; ".join(slice_words(conditions, noun=content.noun) for conditions, _ in item.folded)
            told.append(f"the same story: {others}")
        if told:
            report.paragraph(f"{place + 1}: {'. '.join(told)}.")
    pinned = [line for line in (_pinned(item.conditions, content.noun) for item in found.slices) if line]
    if pinned:
        report.code(
            "\n".join(["slices:", *pinned]),
            caption="Put into the problem file, these slices are judged by later gates, too.",
        )


def _pinned(conditions: Sequence[SliceCondition], noun: str) -> str:
    where = where_all(conditions)
    if where is None:
        return ""
    return f"- {{name: {_quoted(slice_words(conditions, noun=noun))}, where: {_quoted(where)}}}"


def _quoted(text: str) -> str:
    """As a text in YAML."""
    return "'" + text.replace("'", "''") + "'"


def _add_given(report: Report, content: SlicesReportContent) -> None:
    if content.given:
        report.heading("Named slices and their crossings")
        more = len(content.given) - _MAX_GIVEN
        report.table(
            ["slice", *_FIGURES[content.found.is_share]],
            [[item.name, *_cells(item.figures, content.found.is_share)] for item in content.given[:_MAX_GIVEN]],
            caption="Columns under slices and sensitive, the largest errors first. Intervals (95 %) are of each slice "
            "alone: some look weak by chance" + (f"; {more} more are in the JSON." if more > 0 else "."),
        )
    if content.too_small:
        listed = ", ".join(f"{name} ({count})" for name, count in list(content.too_small.items())[:20])
        report.paragraph(f"Too small to judge: {listed}")


def _cells(figures: SliceFigures, is_share: bool) -> list[Cell]:
    low, high = (_signed(value, is_share) for value in (figures.difference_low, figures.difference_high))
    return [
        figures.num_examples,
        _figure(figures.error, is_share=is_share),
        _figure(figures.elsewhere, is_share=is_share),
        _signed(figures.difference, is_share),
        f"{low} to {high}",
    ]


def _figure(value: float, *, is_share: bool) -> Cell:
    if not math.isfinite(value):
        return None
    return f"{value:.1%}" if is_share else f"{value:.4g}"


def _signed(value: float, is_share: bool) -> str:
    return f"{value * 100:+.1f}" if is_share else f"{value:+.4g}"
