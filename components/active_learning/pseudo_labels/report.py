"""The report on labels by a model: whether they are admitted, the figures with and without them, noise, examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import math

from components.active_learning.model_labels import ModelLabel
from components.active_learning.pseudo_labels.calibration import Calibration
from components.active_learning.pseudo_labels.guard import Decision
from components.active_learning.pseudo_labels.noise_rate import NoiseRate
from components.active_learning.pseudo_labels.self_training import SelfTraining
from components.drift.paired_shares import PairedDifference
from components.modeling.images.thumbnails import thumbnail
from components.reporting.charts import bar_chart
from components.reporting.page import Cell, Picture, Report
from components.shared.contracts.verdict import Verdict

_MAX_CHARACTERS, _MAX_ID_CHARACTERS, _MAX_COLUMNS = 160, 40, 4


@dataclass(frozen=True, kw_only=True, slots=True)
class PseudoLabelsContent:
    """What the report shows.

    Attributes
    ----------
    people_counts, model_counts, thresholds
        By class: training labels of people, admitted labels by the model, and the calibrated probability it takes.
    before, after
        The model on people's validation labels, as it answers and with the temperature.
    rates
        Noise, overall and by class.
    shown
        Some of the labels.
    photos, values
        What they are of: encoded photos, or values by column.
    """

    verdict: Verdict
    decision: Decision
    class_names: Sequence[str]
    people_counts: Mapping[str, int]
    model_counts: Mapping[str, int]
    thresholds: Mapping[str, float]
    temperature: float
    before: Calibration
    after: Calibration
    rates: Sequence[NoiseRate]
    shown: Sequence[ModelLabel] = ()
    photos: Sequence[bytes] = ()
    values: Mapping[str, Sequence[object]] = field(default_factory=dict)


def pseudo_labels_report(content: PseudoLabelsContent) -> Report:
    """Build the report."""
    report = Report("Labels by the model", subtitle="Whether labels that the model writes may be trained on, and why")
    admitted = content.decision.admitted
    report.facts(
        {
            "labels admitted": 0 if admitted is None else len(admitted.rows),
            "labels by people, training": sum(content.people_counts.values()),
            "labels by people, validation": content.before.num_labels,
            "share of wrong labels": f"{content.rates[0].share:.1%}" if content.rates[0].is_known else "unknown",
        }
    )
    report.paragraph(_sentence(content.verdict.reason), tone="warn" if admitted is None else "good")
    _add_trainings(report, content.decision)
    _add_checks(report, content.decision)
    _add_noise(report, content.rates)
    _add_calibration(report, content)
    _add_classes(report, content)
    _add_examples(report, content)
    for remark in content.verdict.remarks:
        report.paragraph(_sentence(remark))
    return report


def _add_trainings(report: Report, decision: Decision) -> None:
    if not decision.trainings:
        return
    report.heading("With and without labels by a model")
    report.paragraph(
        "A cheap model in place of the model is fitted to one half of people's labels, with and without labels of the "
        "pool by itself or by the nearest examples, and asked about people's labels that it never saw; two halves are "
        "asked about the pool."
    )
    for name in dict.fromkeys(item.stand_in for item in decision.trainings):
        mine = [item for item in decision.trainings if item.stand_in == name]
        report.table(
            ["labels by", "without", "with", "difference, 95 % interval", "p", "agreement"],
            [[_recipe(item), *_pair(item.people), f"{item.p_better:.3f}", _agreement(item)] for item in mine],
            caption=f"{name}: accuracy on people's unseen labels; agreement on the pool (Cohen's kappa).",
        )
        bars = {_recipe(item): {"without": item.people.champion, "with": item.people.challenger} for item in mine}
        report.figure(bar_chart(bars, y_label="accuracy on people's unseen labels"))
    report.paragraph("p: the chance of such a gain in any row of these tables if labels by a model change nothing.")


def _recipe(item: SelfTraining) -> str:
    return f"{item.recipe.teacher}, {item.recipe.times} a label"


def _agreement(item: SelfTraining) -> str:
    return f"{item.agreement_without:.2f} → {item.agreement_with:.2f}"


def _add_checks(report: Report, decision: Decision) -> None:
    if decision.checks:
        report.heading("The very labels that would be admitted")
        report.table(
            ["stand-in", "without", "with", "difference, 95 % interval", "harm"],
            [[item.stand_in, *_pair(item.people), "yes" if item.is_worse else "no"] for item in decision.checks],
            caption=f"Accuracy on {decision.checks[0].people.num_examples:,} of people's labels "
            f"({decision.checks[0].where}), with all of people's training labels.",
        )


def _add_noise(report: Report, rates: Sequence[NoiseRate]) -> None:
    report.heading("How many are wrong")
    if not rates[0].is_known:
        report.paragraph(
            "Unknown: no row that was drawn at random from the pool has a label by people yet. Let people label the "
            "random share of a round, and give its label requests to this step.",
            tone="warn",
        )
        return
    report.table(
        ["label by the model", "audited", "wrong", "share", "95 % interval"],
        [
            [rate.name, rate.num_audited, rate.num_wrong, *(
                [f"{rate.share:.1%}", f"{rate.low:.1%} to {rate.high:.1%}"] if rate.is_known else ["unknown", None]
            )]
            for rate in rates
        ],
        caption="Of rows drawn at random that the model is as sure of. A small share is no proof that labels help.",
    )  # fmt: skip


def _add_calibration(report: Report, content: PseudoLabelsContent) -> None:
    report.heading("Calibration")
    if not content.before.num_labels:
        report.paragraph("No validation label by people: probabilities are as the model gives them.", tone="warn")
        return
    report.table(
        ["", "mean probability", "accuracy", "log loss"],
        [
            [name, f"{found.mean_confidence:.3f}", f"{found.accuracy:.3f}", f"{found.log_loss:.3f}"]
            for name, found in (("as the model answers", content.before), ("calibrated", content.after))
        ],
        caption=f"On {content.before.num_labels:,} validation labels by people; temperature {content.temperature:.2f}.",
    )


def _add_classes(report: Report, content: PseudoLabelsContent) -> None:
    report.heading("By class")
    report.table(
        ["class", "by people", "by the model", "probability it takes"],
        [
            [name, content.people_counts[name], content.model_counts[name], _threshold(content.thresholds[name])]
            for name in content.class_names
        ],
    )


def _add_examples(report: Report, content: PseudoLabelsContent) -> None:
    if not content.shown:
        return
    report.heading("Some of the labels")
    if content.photos:
        pairs = zip(content.shown, content.photos, strict=True)
        report.gallery([_picture(label, data) for label, data in pairs], caption="Label by the model, probability.")
        return
    names = list(content.values)[:_MAX_COLUMNS]
    report.table(
        ["example", "label by the model", "probability", *names],
        [
            [_end(label.example_id), label.label, f"{label.probability:.2f}",
             *(_beginning(content.values[name][row]) for name in names)]
            for row, label in enumerate(content.shown)
        ],
    )  # fmt: skip


def _picture(label: ModelLabel, data: bytes) -> Picture:
    said = f"{label.label} {label.probability:.2f}"
    return Picture(
        data=thumbnail(data), caption=f"{said} · {_end(label.example_id)}", alternative=f"{label.example_id}: {said}"
    )


def _pair(people: PairedDifference) -> list[Cell]:
    interval = f"{people.difference:+.3f}, {people.low:+.3f} to {people.high:+.3f}"
    return [f"{people.champion:.3f}", f"{people.challenger:.3f}", interval]


def _threshold(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "no label: too often wrong"


def _sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}."


def _end(name: str) -> str:
    return name if len(name) <= _MAX_ID_CHARACTERS else f"…{name[1 - _MAX_ID_CHARACTERS :]}"


def _beginning(value: object) -> Cell:
    if value is None:
        return None
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MAX_CHARACTERS else f"{text[: _MAX_CHARACTERS - 1]}…"
