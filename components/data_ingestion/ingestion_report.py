"""The page that shows a person what ingestion found."""

from collections.abc import Sequence

from components.data_ingestion.ingestion_facts import IngestionFacts, LABELLED, Quarantined
from components.reporting.page import Cell, Picture, Report
from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.contracts.verdict import Verdict

_ROWS_SHOWN = 200
_IGNORED_SHOWN = 20
_CLUSTERS_SHOWN = 50
_NAMES_A_CLUSTER = 5
_NAME_CHARACTERS = 120


def ingestion_report(facts: IngestionFacts, verdict: Verdict, *, source: str) -> Report:
    """Report on an ingestion, below 500 kB: long lists are cut, and say so. Values of rows are never shown."""
    report = Report("Ingestion", subtitle=source)
    report.verdict(verdict.passed, verdict.reason)
    report.facts(_numbers(facts))
    for sentence in facts.warnings[:_IGNORED_SHOWN]:
        report.paragraph(_sentence(sentence), tone="warn")
    _show_counts(report, facts)
    _show_numbers(report, facts)
    _show_inferred(report, facts)
    _show_quarantined(report, facts)
    _show_duplicates(report, facts)
    _show_columns(report, facts)
    if facts.example_images:
        report.heading("Some of the images")
        images = facts.example_images
        report.gallery([Picture(data=data, caption=name, alternative=f"an image of {name}") for name, data in images])
    return report


def _numbers(facts: IngestionFacts) -> dict[str, Cell]:
    return {
        "examples": facts.num_examples,
        **({} if facts.is_regression else {"classes": len(facts.class_names)}),
        "modality": facts.modality,
        "without a label, in the pool": facts.num_pool,
        "set aside": facts.num_quarantined,
        "exact copies": facts.num_duplicates,
        "near duplicate groups": len(facts.near_duplicate_clusters),
    }


def _show_counts(report: Report, facts: IngestionFacts) -> None:
    report.heading("Examples by split" if facts.is_regression else "Examples by split and class")
    unlabelled = any("" in labels for labels in facts.counts.values())
    known = (LABELLED,) if facts.is_regression else facts.class_names[:_ROWS_SHOWN]
    names = [*known, *([""] if unlabelled else [])]
    rows: list[list[Cell]] = []
    for name in names:
        found = [facts.counts[split].get(name, 0) for split in SPLIT_NAMES]
        rows.append([_cut(name) or "(no label)", *found, sum(found), _shares(found)])
    totals = [sum(facts.counts[split].values()) for split in SPLIT_NAMES]
    rows.append(["all", *totals, sum(totals), _shares(totals)])
    report.table(
        ["label" if facts.is_regression else "class", *SPLIT_NAMES, "all", "shares"],
        rows,
        caption=_more(len(facts.class_names), _ROWS_SHOWN),
    )
    for sentence in facts.split_notes:
        report.paragraph(_sentence(sentence))


def _shares(counts: Sequence[int]) -> str:
    """Shares of train, validation and test in percent, `70.0 / 15.0 / 15.0 %`; empty without examples."""
    total = sum(counts)
    return " / ".join(f"{100 * count / total:.1f}" for count in counts) + " %" if total else ""


def _show_numbers(report: Report, facts: IngestionFacts) -> None:
    if not facts.numbers:
        return
    report.heading("The label's distribution")
    rows: list[list[Cell]] = []
    for split, found in facts.numbers.items():
        values = (found.mean, found.std, *found.quantiles)
        rows.append([split, found.num_labels, *(f"{value:.5g}" for value in values)])
    columns = ["split", "labels", "mean", "standard deviation", "minimum", "25 %", "median", "75 %", "maximum"]
    report.table(columns, rows)


def _show_inferred(report: Report, facts: IngestionFacts) -> None:
    if facts.inferred:
        report.heading("What was inferred")
        for sentence in facts.inferred[:_IGNORED_SHOWN]:
            report.paragraph(_sentence(sentence))


def _show_quarantined(report: Report, facts: IngestionFacts) -> None:
    _show_list(report, "Set aside", ["what", "why"], _named(facts.quarantined), total=facts.num_quarantined)
    _show_list(report, "Converted", ["image", "how"], _named(facts.converted))
    left_out = [(why, count) for why, count in facts.left_out.items() if count]
    _show_list(report, "Left out", ["why", "examples"], left_out)
    _show_list(report, "Ignored files", ["file", "why"], _named(facts.ignored), limit=_IGNORED_SHOWN)


def _show_duplicates(report: Report, facts: IngestionFacts) -> None:
    copies: list[list[Cell]] = [[_cut(copy), _cut(kept)] for copy, kept in facts.dropped_duplicates]
    _show_list(report, "Exact copies dropped", ["copy", "kept"], copies)
    if facts.num_duplicate_rows:
        report.heading("Repeated rows")
        report.paragraph(
            f"{facts.num_duplicate_rows:,} rows repeat an earlier one's content. They are kept, and rows of the "
            "same content are in the same split."
        )
    groups: list[list[Cell]] = [[len(names), _listed(names)] for names in facts.near_duplicate_clusters]
    note = "Images of a group are kept, all in one split."
    _show_list(report, "Near duplicates", ["images", "names"], groups, limit=_CLUSTERS_SHOWN, note=note)


def _show_columns(report: Report, facts: IngestionFacts) -> None:
    rows: list[list[Cell]] = [[_cut(name), role, kind] for name, (role, kind) in facts.columns.items()]
    _show_list(report, "Columns", ["column", "role", "type"], rows)


def _show_list(
    report: Report,
    heading: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    total: int = 0,
    limit: int = _ROWS_SHOWN,
    note: str = "",
) -> None:
    """A heading and the first `limit` rows, nothing without rows; `total` where more were found than are listed."""
    if rows:
        report.heading(heading)
        if note:
            report.paragraph(note)
        report.table(columns, rows[:limit], caption=_more(max(total, len(rows)), limit))


def _named(items: Sequence[Quarantined]) -> list[list[Cell]]:
    return [[_cut(item.name), _cut(item.reason)] for item in items]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(_cut(name) for name in names[:_NAMES_A_CLUSTER])
    return shown if len(names) <= _NAMES_A_CLUSTER else f"{shown} and {len(names) - _NAMES_A_CLUSTER} more"


def _more(total: int, shown: int) -> str:
    return f"The first {shown:,} of {total:,}; {total - shown:,} more are not shown." if total > shown else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _cut(text: str) -> str:
    """A name that fits a cell: its end says more than its beginning."""
    return text if len(text) <= _NAME_CHARACTERS else "…" + text[1 - _NAME_CHARACTERS :]
