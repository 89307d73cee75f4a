"""What an import of labels comes to: one label an example, faults row by row, and whether it may be gone on with."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components.active_learning.model_labels import ModelLabel
from components.active_learning.queue.agreement import Agreement, krippendorff_alpha
from components.active_learning.queue.answers import Fault, FaultKind, ReadAnswers
from components.active_learning.queue.checking import checked_answers
from components.active_learning.queue.consensus import consensus_labels
from components.active_learning.queue.examples import QueueExample
from components.shared.contracts.label_versions.merging import MergedLabels
from components.shared.contracts.label_versions.updates import LabelUpdate, RefusedUpdate
from components.shared.contracts.verdict import Finding, Verdict
from components.shared.tables.spreadsheet_cells import guarded_csv

MAX_REJECTED_SHARE = 0.5
_LISTED_FINDINGS = 200
_HEADER = ("file", "row", "fault", "example_id", "expected", "found", "what_to_do")


@dataclass(kw_only=True, slots=True)
class ImportedLabels:
    """What people said, as far as it can be merged.

    Attributes
    ----------
    updates
        One label an example.
    rows
        Where each of these examples was labelled, as pairs of file and row.
    faults
        By file and row.
    num_asked, num_given
        Examples that people were asked about; rows with a label, those that cannot be read among them.
    agreement, quality
        How far people agree, and each person's quality as cleanlab estimates it; None and empty without overlap.
    """

    updates: list[LabelUpdate] = field(default_factory=list)
    rows: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    files: Sequence[str] = ()
    num_asked: int = 0
    num_given: int = 0
    num_unlabelled: int = 0
    num_skipped: int = 0
    agreement: Agreement | None = None
    quality: Mapping[str, float] = field(default_factory=dict)

    @property
    def num_rejected(self) -> int:
        """Rows that were left out."""
        return len({(fault.file, fault.row) for fault in self.faults if fault.is_rejected})


def imported_labels(
    read: ReadAnswers, examples: Sequence[QueueExample], class_names: Sequence[str], *, files: Sequence[str] = ()
) -> ImportedLabels:
    """Check what was read, and come to one label an example.

    Parameters
    ----------
    examples
        What was asked.
    class_names
        Among which people choose.
    files
        Names of the files that were read.
    """
    checked = checked_answers(read.answers, examples, class_names)
    ids = list(checked.votes)
    votes = [checked.votes[name] for name in ids]
    consensus = consensus_labels(votes, class_names)
    requests = {example.request.example_id: example.request for example in examples}
    updates, faults = [], [*read.faults, *checked.faults]
    for name, told in zip(ids, consensus.labels, strict=True):
        if told.label is None:
            kind: FaultKind = "tie" if told.outcome == "tie" else "contested"
            faults += _undecided(name, checked.rows[name], checked.votes[name], kind)
            continue
        updates.append(
            LabelUpdate(
                example_id=name,
                label=told.label,
                is_random=requests[name].strategy == "random",
                round_number=requests[name].round_number,
                agreement=told.agreement,
            )
        )
    agreement = krippendorff_alpha(votes, class_names)
    return ImportedLabels(
        updates=updates,
        rows=checked.rows,
        faults=sorted(faults, key=lambda fault: (fault.file, fault.row)),
        files=files,
        num_asked=len(examples),
        num_given=len(read.answers) + len(read.faults),
        num_unlabelled=read.num_unlabelled,
        num_skipped=read.num_skipped,
        agreement=agreement if agreement.num_examples else None,
        quality=consensus.quality,
    )


def updates_of_models(labels: Sequence[ModelLabel]) -> list[LabelUpdate]:
    """Labels by models, to be merged beside those of people."""
    return [
        LabelUpdate(
            example_id=label.example_id,
            label=label.label,
            source="model",
            model_version=label.model_version,
            probability=label.probability,
            round_number=label.round_number,
        )
        for label in labels
    ]


def with_refusals(imported: ImportedLabels, refused: Sequence[RefusedUpdate]) -> None:
    """Add what the merge refused of people's labels to the faults, row by row."""
    for item in refused:
        if item.update.source == "person":
            imported.faults += [
                Fault(
                    file=file,
                    row=row,
                    kind="not_merged",
                    example_id=item.update.example_id,
                    expected="a label that can be merged",
                    found=repr(item.update.label),
                    remedy=item.reason,
                )
                for file, row in imported.rows[item.update.example_id]
            ]
    imported.faults.sort(key=lambda fault: (fault.file, fault.row))


def rejected_sheet(faults: Sequence[Fault]) -> str:
    """The rows that were left out, as a CSV for a spreadsheet."""
    rows = [
        (fault.file, fault.row, fault.kind, fault.example_id, fault.expected, fault.found, fault.remedy)
        for fault in faults
        if fault.is_rejected
    ]
    return guarded_csv(_HEADER, rows)


def import_verdict(imported: ImportedLabels, merged: MergedLabels, *, max_rejected_share: float) -> Verdict:
    """Failed where more than a share of what people filled in had to be left out: then file and queue do not fit."""
    rejected = {(fault.file, fault.row) for fault in imported.faults if fault.is_rejected and fault.kind != "double"}
    share = len(rejected) / imported.num_given if imported.num_given else 0.0
    findings = [
        Finding(
            kind="quality",
            severity="warning" if fault.is_rejected else "note",
            message=str(fault),
            name=fault.kind,
            remedy=fault.remedy,
        )
        for fault in imported.faults[:_LISTED_FINDINGS]
    ]
    if imported.files and not imported.num_given and not merged.num_added and not merged.num_changed:
        # Whoever goes on pays for a training that learns nothing new.
        nothing = _nothing_filled_in(imported)
        return Verdict(check="labels", passed=False, reason=nothing.message, findings=(nothing, *findings))
    if share <= max_rejected_share:
        reason = _summary(imported, merged)
        return Verdict(check="labels", passed=True, reason=reason, findings=tuple(findings))
    kind, count = Counter(fault.kind for fault in imported.faults if fault.is_rejected).most_common(1)[0]
    blocking = Finding(
        kind="quality",
        severity="blocking",
        message=f"{len(rejected):,} of {imported.num_given:,} labels were left out ({share:.0%}, allowed are "
        f"{max_rejected_share:.0%}), {count:,} of them for {kind.replace('_', ' ')}",
        name="rejected_share",
        statistic="share of labels that were left out",
        value=share,
        threshold=max_rejected_share,
        remedy="see whether the file is of this queue, and mend what the report lists",
    )
    return Verdict(check="labels", passed=False, reason=blocking.message, findings=(blocking, *findings))


def _nothing_filled_in(imported: ImportedLabels) -> Finding:
    return Finding(
        kind="quality",
        severity="blocking",
        message=f"labels must be filled in, but {', '.join(imported.files)} hold none",
        name="nothing_filled_in",
        remedy="fill in the column label, or give the file that people filled in",
    )


def import_metrics(imported: ImportedLabels, merged: MergedLabels) -> dict[str, float]:
    """Numbers for the KFP UI."""
    counts = {
        "num_examples_asked": imported.num_asked,
        "num_labels_given": imported.num_given,
        "num_labels_accepted": len(imported.updates),
        "num_rows_rejected": imported.num_rejected,
        "num_rows_unlabelled": imported.num_unlabelled,
        "num_rows_skipped": imported.num_skipped,
        "num_rows_added": merged.num_added,
        "num_labels_changed": merged.num_changed,
        "num_labels_unchanged": merged.num_unchanged,
        "num_labels_refused": len(merged.refused),
    }
    metrics = {name: float(value) for name, value in counts.items()}
    agreement = imported.agreement
    if agreement is not None and agreement.alpha == agreement.alpha:
        metrics |= {"alpha": agreement.alpha, "alpha_low": agreement.low, "alpha_high": agreement.high}
    return metrics


def _summary(imported: ImportedLabels, merged: MergedLabels) -> str:
    if not merged.is_new:
        begin = "nothing new: all of it was merged before, and the table is the same"
    else:
        begin = (
            f"{merged.num_added:,} rows joined the table, {merged.num_changed:,} labels of it changed, "
            f"{merged.num_unchanged:,} were there already"
        )
    return f"{begin}; {imported.num_rejected:,} of {imported.num_given:,} rows were left out"


def _undecided(name: str, rows: Sequence[tuple[str, int]], votes: Mapping[str, str], kind: FaultKind) -> list[Fault]:
    told = ", ".join(f"{label} by {times}" for label, times in Counter(votes.values()).most_common())
    reason = {
        "tie": "ask one more person",
        "contested": "ask one more person: those who say what most say err most elsewhere",
    }[kind]
    return [
        Fault(
            file=file,
            row=row,
            kind=kind,
            example_id=name,
            expected="one label that most agree on",
            found=told,
            remedy=reason,
        )
        for file, row in rows
    ]
