"""The report's section on how labels differ between groups of people, and by whom texts mention."""

from collections.abc import Sequence

from components.data_validation.quality.label_rates import LabelComparison, LabelRate, LabelRates, MIN_EXAMPLES
from components.data_validation.reports.short_text import short
from components.reporting.page import Cell, Report

_MAX_ROWS, _MAX_SMALL = 30, 20


def add_label_rates(report: Report, rates: LabelRates) -> None:
    """Add what was compared: groups of columns, then terms; nothing where there is neither."""
    if not rates.comparisons and not rates.too_small:
        return
    report.heading("Labels by group of people")
    report.paragraph(
        "A model learns what its labels say. Differences may be in the world or in the labels: only people can tell. "
        "Intervals of a difference hold for all pairs of groups at once, p (Holm) counts every comparison below."
    )
    of_columns = [one for one in rates.comparisons if not one.term]
    of_terms = [one for one in rates.comparisons if one.term]
    if of_columns:
        names = ["by", "label", "lowest", "highest", "largest difference", "p (Holm)", ""]
        report.table(names, [_column_row(one) for one in of_columns[:_MAX_ROWS]], caption="Sensitive columns")
        _add_groups(report, of_columns)
    if of_terms:
        names = ["term", "people by", "label", "texts with it", "other texts", "difference", "p (Holm)", ""]
        report.table(names, [_term_row(one) for one in of_terms[:_MAX_ROWS]], caption="Texts that mention a term")
    more = max(len(of_columns) - _MAX_ROWS, 0) + max(len(of_terms) - _MAX_ROWS, 0)
    if more:
        report.paragraph(f"The largest differences; {more} more are smaller.")
    if rates.too_small:
        rest = f" and {len(rates.too_small) - _MAX_SMALL} more" if len(rates.too_small) > _MAX_SMALL else ""
        report.paragraph(
            f"Too small to judge, with fewer than {MIN_EXAMPLES} labelled examples: "
            f"{', '.join(short(name, 80) for name in rates.too_small[:_MAX_SMALL])}{rest}."
        )


def _add_groups(report: Report, comparisons: Sequence[LabelComparison]) -> None:
    """Every group of each single column, for the label that differs most."""
    first: dict[str, LabelComparison] = {}
    for one in comparisons:
        if " and " not in one.by:
            first.setdefault(one.by, one)
    rows: list[list[Cell]] = [
        [short(group.name, 60), short(one.label) or "mean", group.num_examples, _value(group)]
        for one in first.values()
        for group in one.groups
    ]
    if rows:
        names = ["group", "label", "examples", "share or mean"]
        report.table(names, rows[:_MAX_ROWS], caption="Groups, each by itself")


def _column_row(one: LabelComparison) -> list[Cell]:
    lowest, highest = one.groups[one.found.lowest], one.groups[one.found.highest]
    ends = [f"{short(group.name, 60)}: {group.value:.3g}" for group in (lowest, highest)]
    return [one.by, short(one.label) or "mean", *ends, *_difference(one)]


def _term_row(one: LabelComparison) -> list[Cell]:
    with_it, others = one.groups
    sizes = [f"{_value(group)}; n = {group.num_examples:,}" for group in (with_it, others)]
    return [one.term, one.by, short(one.label) or "mean", *sizes, *_difference(one)]


def _difference(one: LabelComparison) -> list[Cell]:
    interval = f"{one.found.difference:.3g} ({one.found.low:.3g} to {one.found.high:.3g})"
    words = "look at it" if one.is_notable else "more than chance, small" if one.adjusted_p < 0.05 else ""
    return [interval, f"{one.adjusted_p:.2g}" if one.adjusted_p >= 1e-4 else "below 0.0001", words]


def _value(group: LabelRate) -> str:
    return f"{group.value:.3g} ({group.low:.3g} to {group.high:.3g})"
