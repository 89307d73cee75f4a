"""The page that shows what came of an import: what was merged, what was left out and why, how far people agree."""

from collections import Counter
from collections.abc import Sequence

from components.active_learning.queue.answers import Fault
from components.active_learning.queue.imported import ImportedLabels
from components.reporting.page import Cell, Report
from components.shared.contracts.label_lineage import LabelChange
from components.shared.contracts.label_versions.merging import MergedLabels
from components.shared.contracts.verdict import Verdict
from components.shared.runtime.redaction import masked

_ROWS_SHOWN = 200


def import_report(
    imported: ImportedLabels, merged: MergedLabels, lineage: Sequence[LabelChange], verdict: Verdict
) -> Report:
    """Report on an import; `lineage` is that of the new version."""
    report = Report("Imported labels", subtitle=", ".join(imported.files) or "labels by models alone")
    report.verdict(verdict.passed, verdict.reason)
    report.facts(
        {
            "examples asked about": imported.num_asked,
            "of these without a label": imported.num_asked - len(imported.updates),
            "rows with a label": imported.num_given,
            "left out": imported.num_rejected,
            "skipped": imported.num_skipped,
            "rows that joined": merged.num_added,
            "labels changed": merged.num_changed,
        }
    )
    _show_merged(report, merged)
    _show_faults(report, imported.faults)
    _show_agreement(report, imported)
    _show_lineage(report, lineage)
    return report


def _show_merged(report: Report, merged: MergedLabels) -> None:
    report.heading("What was merged")
    if not merged.is_new:
        report.paragraph("Nothing is new: the table is copied as it was.")
    rows: list[list[Cell]] = [[f"joined {split}", count] for split, count in merged.added.items()]
    rows += [
        [f"{old or '(no label)'} became {new or '(no label)'}", times] for (old, new), times in merged.changes.items()
    ]
    counts = {
        "confirmed": merged.num_confirmed,
        "there already": merged.num_unchanged,
        "by models, of examples that people labelled": merged.num_overruled,
    }
    rows += [[name, count] for name, count in counts.items() if count]
    if rows:
        report.table(["what", "labels"], rows)
    by_models = Counter(item.kind for item in merged.refused if item.update.source == "model")
    for kind, count in by_models.items():
        report.paragraph(f"{count:,} labels by models were not merged: {kind.replace('_', ' ')}.", tone="warn")


def _show_faults(report: Report, faults: Sequence[Fault]) -> None:
    rejected = [fault for fault in faults if fault.is_rejected]
    noted = [fault for fault in faults if not fault.is_rejected]
    for heading, some in (("Rows that were left out", rejected), ("Merged, though written otherwise", noted)):
        if not some:
            continue
        report.heading(heading)
        rows: list[list[Cell]] = [
            [fault.file, fault.row, fault.kind.replace("_", " "), fault.expected, fault.found, fault.remedy]
            for fault in some[:_ROWS_SHOWN]
        ]
        more = (
            f"The first {_ROWS_SHOWN:,} of {len(some):,}; all are in rejected.csv." if len(some) > _ROWS_SHOWN else ""
        )
        report.table(["file", "row", "fault", "expected", "found", "what to do"], rows, caption=more)


def _show_agreement(report: Report, imported: ImportedLabels) -> None:
    agreement = imported.agreement
    if agreement is None:
        return
    report.heading("How far people agree")
    told = (
        f"{agreement.num_examples:,} examples were labelled by two people or more, {agreement.num_annotators} in all."
    )
    if agreement.alpha == agreement.alpha:
        told += (
            f" Krippendorff's alpha is {agreement.alpha:.2f} ({agreement.low:.2f} to {agreement.high:.2f} with 95 % "
            "confidence): 1 is agreement, 0 what chance gives."
        )
    report.paragraph(told)
    if imported.quality:
        rows: list[list[Cell]] = [[masked(name), f"{value:.2f}"] for name, value in sorted(imported.quality.items())]
        report.table(["annotator", "quality"], rows, caption="cleanlab's estimate, 0 to 1, from these examples alone.")


def _show_lineage(report: Report, lineage: Sequence[LabelChange]) -> None:
    if not lineage:
        return
    report.heading("Where this version comes from")
    rows: list[list[Cell]] = [
        [
            change.kind,
            change.model_version or change.round_number,
            change.parent[:12],
            change.labels[:12],
            ", ".join(f"{name.removeprefix('num_')} {count}" for name, count in change.counts.items() if count),
        ]
        for change in lineage
    ]
    report.table(["change", "round or model", "version before", "labels", "how many"], rows)
