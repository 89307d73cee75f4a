"""The sufficiency report: verdict first, then what a cheap probe scores, then what more data would bring."""

from components.data_validation.sufficiency.assessment import Sufficiency
from components.data_validation.sufficiency.cheap_probes import CONFIDENCE
from components.data_validation.sufficiency.missing_examples import MAX_EXTRAPOLATION
from components.data_validation.sufficiency.predictability import CHANCE_SCORE
from components.data_validation.sufficiency.sufficiency_verdict import interval_text, rows_text
from components.reporting.charts import bar_chart, line_chart
from components.reporting.page import Cell, Report
from components.shared.contracts.verdict import Verdict

_NUM_POINTS = 40
# A label of thousands of values must not make a page of megabytes.
_MAX_CLASSES = 100


def sufficiency_report(verdict: Verdict, found: Sufficiency, *, made_of: str) -> Report:
    """The report, ready to be written; `made_of` says in words what the probe's features are."""
    report = Report("Data sufficiency", subtitle=f"Can these data answer the question? Judged on {made_of}")
    report.verdict(verdict.passed, verdict.reason)
    report.facts(_facts(found))
    _add_findings(report, verdict)
    _add_predictability(report, found)
    _add_curve(report, found)
    _add_classes(report, found)
    if verdict.remarks:
        report.heading("What was left out or assumed")
        report.table(["remark"], [[remark] for remark in verdict.remarks])
    report.paragraph(
        "A cheap probe is a simple model. What it finds is there; what it does not find, a trained model may still "
        "find, where the relation is of a kind that simple models cannot see."
    )
    return report


def _facts(found: Sufficiency) -> dict[str, Cell]:
    facts: dict[str, Cell] = {
        "labelled training rows": sum(found.class_counts.values()) + sum(found.small_classes.values()),
        "rows looked at": found.num_rows,
        "classes": len(found.class_counts),
    }
    if found.predictability is not None:
        facts["ROC AUC of the best probe"] = found.predictability.score
        facts["p-value"] = found.predictability.p_value
    if found.curve is not None:
        facts["more data help"] = found.curve.more_data_helps
    return facts


def _add_findings(report: Report, verdict: Verdict) -> None:
    report.heading("Findings")
    if not verdict.findings:
        report.paragraph("Nothing stands against training on these data.", tone="good")
        return
    rows: list[list[Cell]] = [
        [finding.severity, finding.message, finding.remedy or "–", finding.name] for finding in verdict.findings
    ]
    report.table(["severity", "what", "what to do", "name"], rows)


def _add_predictability(report: Report, found: Sufficiency) -> None:
    relation = found.predictability
    if relation is None:
        return
    report.heading("Is the label predictable?")
    bars = {name: {"ROC AUC": score} for name, score in relation.probe_scores.items()}
    bars["permuted labels"] = {"ROC AUC": relation.null_mean}
    report.figure(
        bar_chart(bars, y_label="cross-validated ROC AUC"),
        caption=(
            f"{relation.probe} scores {relation.score:.3f} ({interval_text(relation.interval)}). The same procedure "
            f"on permuted labels scores {relation.null_mean:.3f} ± {relation.null_sd:.3f}, so the p-value is "
            f"{relation.p_value:.2g}; {CHANCE_SCORE} is chance."
        ),
    )


def _add_curve(report: Report, found: Sufficiency) -> None:
    curve = found.curve
    if curve is None:
        return
    report.heading("Would more data help?")
    rows = sum(found.class_counts.values())
    first, last = curve.sizes[0], 2 * rows
    xs = [first + (last - first) * number / (_NUM_POINTS - 1) for number in range(_NUM_POINTS)]
    ends = [float(first), float(last)]
    series: dict[str, tuple[list[float], list[float]]] = {
        "measured": ([float(size) for size in curve.sizes], list(curve.mean_scores)),
        "fitted curve": (xs, [curve.law.at(x) for x in xs]),
        "interval, lower end": (xs, [curve.interval_at(x)[0] for x in xs]),
        "interval, upper end": (xs, [curve.interval_at(x)[1] for x in xs]),
        "permuted labels, mean + 2 sd": (ends, [curve.null_mean + 2 * curve.null_sd] * 2),
    }
    if found.target.minimum is not None:
        series["target"] = (ends, [found.target.minimum] * 2)
    chart = line_chart(series, x_label="training rows", y_label=f"{curve.metric} of a cheap probe")
    report.figure(chart, caption=f"Up to twice the {rows:,} training rows at hand; the farther, the less sure.")
    table: list[list[Cell]] = [
        [f"{factor} x", factor * rows, curve.law.at(factor * rows), interval_text(curve.interval_at(factor * rows))]
        for factor in (1, 2, 10, MAX_EXTRAPOLATION)
    ]
    percent = f"{CONFIDENCE:.0%}"
    report.table(["data", "training rows", curve.metric, f"{percent} interval"], table, caption="Extrapolated scores")


def _add_classes(report: Report, found: Sufficiency) -> None:
    report.heading("Classes")
    missing = found.missing.missing_a_class if found.missing is not None else ()
    further = [f"about {rows_text(count)}" for count in missing] or ["–"] * len(found.class_counts)
    rows: list[list[Cell]] = [
        [name, count, more] for (name, count), more in zip(found.class_counts.items(), further, strict=True)
    ]
    rows += [[name, count, "too few to judge"] for name, count in found.small_classes.items()]
    caption = f"the first {_MAX_CLASSES} of {len(rows):,} classes" if len(rows) > _MAX_CLASSES else ""
    report.table(["class", "labelled training rows", "missing for the target"], rows[:_MAX_CLASSES], caption=caption)
