"""The report of suspected label errors: how many labels are wrong, as far as an audit tells, and which to look at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components.model_analysis.label_errors.audit import MIN_AUDITED, WrongLabelShare
from components.model_analysis.label_errors.ranking import RankedLabel
from components.modeling.images.thumbnails import thumbnail
from components.reporting.page import Cell, Picture, Report

MAX_SHOWN = 24
_MAX_PAIRS, _MAX_COLUMNS, _MAX_CHARACTERS, _MAX_ID_CHARACTERS = 12, 4, 160, 40


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelErrorsContent:
    """What the report shows.

    Attributes
    ----------
    ranked
        All ranked labels, the most suspicious first.
    share
        What the audit says; None without one.
    num_audit_rows
        How many rows the audit's list has.
    remarks
        What was left out or bounded, a sentence each.
    images, values
        Of the first `MAX_SHOWN` labels: encoded images, or values by column.
    """

    ranked: Sequence[RankedLabel]
    share: WrongLabelShare | None = None
    num_audit_rows: int = 0
    remarks: Sequence[str] = ()
    images: Sequence[bytes] = ()
    values: Mapping[str, Sequence[object]] = field(default_factory=dict)


def label_errors_report(content: LabelErrorsContent) -> Report:
    """Build the report."""
    report = Report("Label errors", subtitle="Given labels that a person should look at, the most suspicious first")
    suspected = [label for label in content.ranked if label.is_suspected]
    report.facts(
        {
            "labels ranked": len(content.ranked),
            "suspected": len(suspected),
            "contradict a near duplicate": sum(bool(label.contradicted_by) for label in content.ranked),
            "like no other example": sum(label.is_outlier for label in content.ranked),
            "share of wrong labels": "needs an audit" if content.share is None else f"{content.share.share:.1%}",
            "95 % interval": None if content.share is None else _interval(content.share.low, content.share.high),
        }
    )
    _add_share(report, content)
    if content.ranked:
        report.heading("Most suspicious labels")
        _add_labels(report, content)
        _add_pairs(report, suspected)
        _add_sources(report, content.ranked)
    for remark in content.remarks:
        report.paragraph(remark)
    return report


def _add_share(report: Report, content: LabelErrorsContent) -> None:
    share = content.share
    if share is not None:
        report.paragraph(
            f"Of {share.num_audited:,} labels drawn at random, a person found {share.num_wrong:,} wrong. With the "
            f"suspicion of all {share.num_labels:,} labels that makes {share.share:.1%} wrong, "
            f"{_interval(share.low, share.high)} with 95 % confidence; the audit alone would say "
            f"{_interval(share.plain_low, share.plain_high)}."
        )
    elif content.num_audit_rows >= MIN_AUDITED:
        report.paragraph(
            f"How many labels are wrong is not known yet: the number of suspected ones is no estimate of it. Fill in "
            f"the audit's {content.num_audit_rows:,} rows, drawn at random, and give the file to this step.",
            tone="warn",
        )
    if content.ranked:
        report.paragraph(
            "What to do: fill in verdict or corrected_label in the correction queue, from its top, and merge it with "
            "python -m components.model_analysis merge-labels. A score ranks; it is no proof."
        )


def _add_labels(report: Report, content: LabelErrorsContent) -> None:
    shown = content.ranked[:MAX_SHOWN]
    if content.images:
        pairs = zip(shown, content.images, strict=True)
        report.gallery([_picture(label, data) for label, data in pairs], caption="Given label → probable label, score.")
        return
    names = list(content.values)[:_MAX_COLUMNS]
    report.table(
        ["example", "given", "probable", "score", "why", "label by", *names],
        [
            [
                _end(label.example_id), label.given, label.suggested, f"{label.score:.2f}", label.why, label.source,
                *(_beginning(content.values[name][row]) for name in names),
            ]
            for row, label in enumerate(shown)
        ],
    )  # fmt: skip


def _picture(label: RankedLabel, data: bytes) -> Picture:
    return Picture(
        data=thumbnail(data),
        caption=f"{label.given} → {label.suggested} {label.score:.2f} · {_end(label.example_id)}",
        alternative=f"example {label.example_id} labelled {label.given}: {label.why}",
        tone="bad" if label.is_suspected else "warn",
    )


def _add_pairs(report: Report, suspected: Sequence[RankedLabel]) -> None:
    counts = Counter((label.given, label.suggested) for label in suspected).most_common(_MAX_PAIRS)
    if counts:
        report.heading("Suspected labels by class")
        report.table(["given", "probable", "labels"], [[*pair, times] for pair, times in counts])


def _add_sources(report: Report, ranked: Sequence[RankedLabel]) -> None:
    counts = Counter(label.source for label in ranked)
    suspected = Counter(label.source for label in ranked if label.is_suspected)
    splits = Counter(label.split for label in ranked)
    doubted = Counter(label.split for label in ranked if label.is_suspected)
    rows: list[list[Cell]] = [[f"label by a {name}", counts[name], suspected[name]] for name in sorted(counts)]
    rows += [[f"split {name}", splits[name], doubted[name]] for name in sorted(splits)]
    report.heading("Where they are")
    report.table(["", "labels ranked", "suspected"], rows)


def _interval(low: float, high: float) -> str:
    return f"{low:.1%} to {high:.1%}"


def _end(name: str) -> str:
    return name if len(name) <= _MAX_ID_CHARACTERS else f"…{name[1 - _MAX_ID_CHARACTERS :]}"


def _beginning(value: object) -> Cell:
    if value is None:
        return None
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MAX_CHARACTERS else f"{text[: _MAX_CHARACTERS - 1]}…"
