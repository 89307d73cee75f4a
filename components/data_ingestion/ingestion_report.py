"""The page that shows a person what ingestion found."""

from collections.abc import Sequence

from components.data_ingestion.ingested import Ingested, Quarantined
from components.reporting.page import Cell, Picture, Report
from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.contracts.verdict import Verdict

_ROWS_SHOWN = 200
_IGNORED_SHOWN = 20
_CLUSTERS_SHOWN = 50
_NAMES_A_CLUSTER = 5
_NAME_CHARACTERS = 120


def ingestion_report(ingested: Ingested, verdict: Verdict, *, source: str) -> Report:
    """Report on an ingestion, below 500 kB: long lists are cut, and say so. Values of rows are never shown."""
    report = Report("Ingestion", subtitle=source)
    report.verdict(verdict.passed, verdict.reason)
    report.facts(_facts(ingested))
    for sentence in ingested.warnings[:_IGNORED_SHOWN]:
        report.paragraph(_sentence(sentence), tone="warn")
    _show_counts(report, ingested)
    _show_inferred(report, ingested)
    _show_quarantined(report, ingested)
    _show_duplicates(report, ingested)
    _show_columns(report, ingested)
    if ingested.pictures:
        report.heading("Some of the images")
        report.gallery(
            [Picture(data=data, caption=label, alternative=f"an image of {label}") for label, data in ingested.pictures]
        )
    return report


def _facts(ingested: Ingested) -> dict[str, Cell]:
    return {
        "examples": ingested.num_examples,
        "classes": len(ingested.class_names),
        "modality": ingested.modality,
        "set aside": ingested.num_quarantined,
        "exact copies": ingested.num_duplicates,
        "near duplicate groups": len(ingested.near_duplicate_clusters),
    }


def _show_counts(report: Report, ingested: Ingested) -> None:
    report.heading("Examples by split and class")
    unlabelled = any("" in labels for labels in ingested.counts.values())
    names = [*ingested.class_names[:_ROWS_SHOWN], *([""] if unlabelled else [])]
    rows: list[list[Cell]] = []
    for name in names:
        found = [ingested.counts[split].get(name, 0) for split in SPLIT_NAMES]
        rows.append([_cut(name) or "(no label)", *found, sum(found)])
    totals = [sum(ingested.counts[split].values()) for split in SPLIT_NAMES]
    rows.append(["all", *totals, sum(totals)])
    report.table(["class", *SPLIT_NAMES, "all"], rows, caption=_more(len(ingested.class_names), _ROWS_SHOWN))


def _show_inferred(report: Report, ingested: Ingested) -> None:
    if ingested.inferred:
        report.heading("What was inferred")
        for sentence in ingested.inferred[:_IGNORED_SHOWN]:
            report.paragraph(_sentence(sentence))


def _show_quarantined(report: Report, ingested: Ingested) -> None:
    if ingested.quarantined:
        report.heading("Set aside")
        caption = _more(max(ingested.num_quarantined, len(ingested.quarantined)), _ROWS_SHOWN)
        report.table(["what", "why"], _named(ingested.quarantined[:_ROWS_SHOWN]), caption=caption)
    if ingested.converted:
        report.heading("Converted")
        caption = _more(len(ingested.converted), _ROWS_SHOWN)
        report.table(["image", "how"], _named(ingested.converted[:_ROWS_SHOWN]), caption=caption)
    left_out = [(why, count) for why, count in ingested.left_out.items() if count]
    if left_out:
        report.heading("Left out")
        report.table(["why", "examples"], left_out)
    if ingested.ignored:
        report.heading("Ignored files")
        caption = _more(len(ingested.ignored), _IGNORED_SHOWN)
        report.table(["file", "why"], _named(ingested.ignored[:_IGNORED_SHOWN]), caption=caption)


def _show_duplicates(report: Report, ingested: Ingested) -> None:
    if ingested.dropped_duplicates:
        report.heading("Exact copies dropped")
        copies: list[list[Cell]] = [
            [_cut(copy), _cut(kept)] for copy, kept in ingested.dropped_duplicates[:_ROWS_SHOWN]
        ]
        report.table(["copy", "kept"], copies, caption=_more(len(ingested.dropped_duplicates), _ROWS_SHOWN))
    if ingested.num_duplicate_rows:
        report.heading("Repeated rows")
        report.paragraph(
            f"{ingested.num_duplicate_rows:,} rows repeat an earlier one's content. They are kept, and rows of the "
            "same content are in the same split."
        )
    if ingested.near_duplicate_clusters:
        report.heading("Near duplicates")
        groups: list[list[Cell]] = [
            [len(names), _listed(names)] for names in ingested.near_duplicate_clusters[:_CLUSTERS_SHOWN]
        ]
        caption = _more(len(ingested.near_duplicate_clusters), _CLUSTERS_SHOWN)
        report.paragraph("Images of a group are kept, all in one split.")
        report.table(["images", "names"], groups, caption=caption)


def _show_columns(report: Report, ingested: Ingested) -> None:
    if ingested.columns:
        report.heading("Columns")
        rows = [[_cut(name), role, kind] for name, (role, kind) in list(ingested.columns.items())[:_ROWS_SHOWN]]
        report.table(["column", "role", "type"], rows, caption=_more(len(ingested.columns), _ROWS_SHOWN))


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
