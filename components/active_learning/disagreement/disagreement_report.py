"""The page of the disagreement table: what of the model's accuracy only seems so, and which labels to look at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import math

from components.active_learning.disagreement.disagreements import Disagreement, SourceCount
from components.active_learning.disagreement.seeming_gain import Agreement, SeemingGain
from components.modeling.images.thumbnails import thumbnail
from components.reporting.page import Cell, Picture, prose, Report

MAX_SHOWN = 24
_MAX_PAIRS, _MAX_COLUMNS, _MAX_CHARACTERS, _MAX_ID_CHARACTERS = 12, 3, 160, 40


@dataclass(frozen=True, kw_only=True, slots=True)
class DisagreementContent:
    """What the page shows.

    Attributes
    ----------
    found
        All disagreements, the most evidence first.
    sources
        Labels by who gave them.
    gain
        The model judged by models' labels and by people's.
    num_labels
        How many labels were compared.
    remarks
        What was left out or bounded, a sentence each.
    images, values
        Of the examples of `shown_first`: encoded images, or values by column.
    """

    found: Sequence[Disagreement]
    sources: Sequence[SourceCount]
    gain: SeemingGain
    num_labels: int
    remarks: Sequence[str] = ()
    images: Sequence[bytes] = ()
    values: Mapping[str, Sequence[object]] = field(default_factory=dict)


def shown_first(found: Sequence[Disagreement]) -> list[Disagreement]:
    """Those that the page shows: the first that differ, then the first that the model learnt by heart."""
    differ = [item for item in found if not item.by_heart]
    by_heart = [item for item in found if item.by_heart]
    return [*differ[:MAX_SHOWN], *by_heart[:MAX_SHOWN]]


def disagreement_report(content: DisagreementContent) -> Report:
    """Build the page."""
    report = Report(
        "Label disagreement", subtitle="Stored labels beside the classes of the model that is being trained"
    )
    found, gain = content.found, content.gain
    report.facts(
        {
            "labels compared": content.num_labels,
            "differ from the model": sum(not item.by_heart for item in found),
            "learnt by heart": sum(item.by_heart for item in found),
            "stored labels suspected": sum(item.suspected in ("stored label", "both") for item in found),
            "agrees with models' labels": _share(gain.with_models),
            "agrees with people's": _share(gain.with_people),
        }
    )
    _add_gain(report, gain)
    _add_examples(report, content)
    _add_counts(report, content)
    for remark in content.remarks:
        report.paragraph(remark)
    return report


def _add_gain(report: Report, gain: SeemingGain) -> None:
    report.heading("What only seems to be accuracy")
    is_shown = gain.low > 0 or gain.with_initial.low > 0
    for sentence in gain.sentences() or ["Labels of models or of people are missing: nothing to compare."]:
        report.paragraph(sentence, tone="warn" if is_shown else "plain")
    rows = [
        ["labels that models wrote", gain.with_models.num_labels, *_figures(gain.with_models)],
        ["people's labels of validation and test", gain.with_people.num_labels, *_figures(gain.with_people)],
    ]
    report.table(["the model agrees with", "labels", "share", "95 % interval"], rows)


def _add_examples(report: Report, content: DisagreementContent) -> None:
    if not content.found:
        report.paragraph("No stored label differs from the model's class, and none is contradicted.", tone="good")
        return
    report.paragraph(
        "What to do: fill in verdict or corrected_label in the table's CSV, from its top, and merge it with python -m "
        "components.model_analysis merge-labels. A score ranks; it is no proof."
    )
    shown = shown_first(content.found)
    headings = ("Stored label and model differ", "The model agrees, but may know a wrong label by heart")
    for by_heart, heading in enumerate(headings):
        places = [place for place, item in enumerate(shown) if item.by_heart == bool(by_heart)]
        if places:
            report.heading(heading)
            _add_part(report, content, [(place, shown[place]) for place in places])


def _add_part(report: Report, content: DisagreementContent, part: Sequence[tuple[int, Disagreement]]) -> None:
    if content.images:
        pictures = [_picture(item, content.images[place]) for place, item in part]
        report.gallery(pictures, caption="Stored label → model's class, probability that the stored label is wrong.")
        return
    names = list(content.values)[:_MAX_COLUMNS]
    report.table(
        [*names, "true_label", "class_result", "probability", "suspected", "score", "why", "label by", "example"],
        [
            [
                *(_shown(content.values[name][place]) for name in names), item.true_label, item.class_result,
                f"{item.probability:.2f}", item.suspected or "not looked at", _score(item), prose(item.why),
                item.source, _end(item.example_id),
            ]
            for place, item in part
        ],
    )  # fmt: skip


def _add_counts(report: Report, content: DisagreementContent) -> None:
    report.heading("Who gave the labels")
    rows: list[list[Cell]] = [
        [item.source, item.num_labels, item.num_differ, item.num_suspected] for item in content.sources
    ]
    report.table(["label by", "labels", "differ", "suspected"], rows)
    suspected = [item for item in content.found if item.suspected in ("stored label", "both")]
    pairs = Counter((item.true_label, item.more_probable) for item in suspected).most_common(_MAX_PAIRS)
    if pairs:
        report.heading("Suspected labels by class")
        report.table(["true_label", "more probable", "labels"], [[*pair, times] for pair, times in pairs])


def _picture(item: Disagreement, data: bytes) -> Picture:
    return Picture(
        data=thumbnail(data),
        caption=f"{item.true_label} → {item.class_result} {_score(item)} · {item.source} · {_end(item.example_id)}",
        alternative=f"example {item.example_id} stored as {item.true_label}: {item.why}",
        tone="warn" if item.suspected == "model" else "bad",
    )


def _figures(agreement: Agreement) -> list[Cell]:
    if not agreement.num_labels:
        return [None, None]
    return [f"{agreement.share:.1%}", f"{agreement.low:.1%} to {agreement.high:.1%}"]


def _share(agreement: Agreement) -> str | None:
    return f"{agreement.share:.1%}" if agreement.num_labels else None


def _score(item: Disagreement) -> str:
    return "–" if math.isnan(item.score) else f"{item.score:.2f}"


def _end(name: str) -> str:
    return name if len(name) <= _MAX_ID_CHARACTERS else f"…{name[1 - _MAX_ID_CHARACTERS :]}"


def _shown(value: object) -> Cell:
    if not isinstance(value, str):
        return f"{value:.6g}" if isinstance(value, float) else None if value is None else str(value)
    text = value if len(value) <= _MAX_CHARACTERS else f"{value[: _MAX_CHARACTERS - 1]}…"
    return prose(text) if len(text) > _MAX_ID_CHARACTERS else text
