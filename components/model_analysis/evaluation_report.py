"""The report of an evaluation: the verdict first, then the metrics, then the mistakes themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import math

from components.model_analysis.baseline.comparison import BaselineComparison
from components.model_analysis.baseline.report import add_baseline
from components.model_analysis.errors.hardest_examples import ScoredExample
from components.model_analysis.errors.hardest_report import add_examples
from components.model_analysis.metrics.confusion import condensed_confusion, most_confused
from components.model_analysis.metrics.evaluation import Evaluation
from components.model_analysis.metrics.operating_point import OperatingPoint
from components.reporting.charts import bar_chart, heatmap, line_chart
from components.reporting.page import Cell, Report
from components.shared.contracts.verdict import Verdict

_MAX_CLASSES_SHOWN = 50
_MAX_HEATMAP_CLASSES = 20
_MAX_PAIRS = 15
_MAX_INFLUENCES = 15
_METRICS = {
    "accuracy": "accuracy",
    "macro F1": "macro_f1",
    "ROC AUC": "roc_auc",
    "log loss": "log_loss",
    "calibration error": "expected_calibration_error",
    "Brier score": "brier_score",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportContent:
    """What a report shows; `mistakes` and `least_sure` are of the test split, hardest first.

    `not_by_people` are figures on what models and rules labelled in the validation and test splits, shown apart.

    Of a table, `influence` is that of each column, largest first (see `column_influence`), and `shown_columns` are
    those whose values may be shown, the most telling first. `point` is the threshold that the target asked for,
    `baseline` the model beside cheap ones.
    """

    verdict: Verdict
    test: Evaluation
    validation: Evaluation
    mistakes: Sequence[ScoredExample]
    least_sure: Sequence[ScoredExample]
    modality: str
    not_by_people: Evaluation | None = None
    influence: Mapping[str, float] = field(default_factory=dict)
    shown_columns: Sequence[str] = ()
    point: OperatingPoint | None = None
    baseline: BaselineComparison | None = None


def evaluation_report(content: ReportContent) -> Report:
    """Build the report of an evaluation."""
    test = content.test
    report = opened_report(content.verdict, test.num_examples)
    if test.num_examples:
        _add_facts(report, content)
    _add_not_by_people(report, content.not_by_people)
    if test.num_examples:
        _add_classes(report, test)
        _add_confusion(report, test)
        _add_roc(report, test)
        _add_precision_recall(report, test)
        _add_calibration(report, test)
        add_influence(report, content.influence, what="The probability that goes over to other classes")
        _add_hardest(report, content)
    return report


def _add_facts(report: Report, content: ReportContent) -> None:
    test, validation = content.test, content.validation
    counted: dict[str, Cell] = {"test examples": test.num_examples}
    if test.num_groups is not None:
        counted["groups of them"] = test.num_groups
    report.facts({"accuracy": test.metrics["accuracy"], **counted})
    add_baseline(report, content.baseline)
    report.heading("Metrics")
    drawn = "whole groups" if test.num_groups is not None else "test examples"
    report.table(
        ["metric", "test", "95 % interval", "validation"],
        [[name, test.metrics[key], _interval(test, key), validation.metrics[key]] for name, key in _METRICS.items()],
        caption=f"Intervals hold what other {drawn} of the same kind would show.",
    )
    if content.point is not None:
        _add_point(report, content.point)


def _add_point(report: Report, point: OperatingPoint) -> None:
    report.heading("Threshold")
    if point.validation is None or point.test is None:
        report.paragraph(point.why_none, tone="warn")
        return
    rows: list[list[Cell]] = [
        [
            name,
            figures.precision,
            _bounds(figures.precision_low, figures.precision_high),
            figures.recall,
            _bounds(figures.recall_low, figures.recall_high),
            figures.num_positive,
        ]
        for name, figures in (("validation", point.validation), ("test", point.test))
    ]
    report.table(
        ["split", "precision", "95 % interval", "recall", "95 % interval", "examples of the class"],
        rows,
        caption=f"{point.positive!r} is answered from the probability {point.threshold:.4g} on, which was chosen on "
        "the validation split. The server does not apply it yet: it returns probabilities.",
    )


def _interval(test: Evaluation, key: str) -> str | None:
    return _bounds(test.metrics[f"{key}_low"], test.metrics[f"{key}_high"])


def _bounds(low: float, high: float) -> str | None:
    return None if math.isnan(low) else f"{low:.3f} to {high:.3f}"


def _add_not_by_people(report: Report, apart: Evaluation | None) -> None:
    if apart is not None and apart.num_examples:
        report.paragraph(
            f"Apart from these figures: {apart.num_examples:,} examples of the validation and test splits were "
            "labelled by a model or a rule. The model is not judged on those labels; it agrees with "
            f"{apart.metrics['accuracy']:.1%} of them."
        )


def _add_classes(report: Report, test: Evaluation) -> None:
    report.heading("Classes")
    weakest_first = sorted(test.per_class, key=lambda item: (math.isnan(item.f1), item.f1))
    shown = test.per_class if len(test.per_class) <= _MAX_CLASSES_SHOWN else weakest_first[:_MAX_CLASSES_SHOWN]
    left_out = len(test.per_class) - len(shown)
    report.table(
        ["class", "precision", "recall", "95 % interval", "F1", "95 % interval", "ROC AUC", "examples"],
        [
            [
                item.class_name,
                item.precision,
                item.recall,
                _bounds(item.recall_low, item.recall_high),
                item.f1,
                _bounds(item.f1_low, item.f1_high),
                item.roc_auc,
                item.support,
            ]
            for item in shown
        ],
        caption=f"The weakest first; {left_out} better ones are in evaluation.json." if left_out else "",
    )


def _add_confusion(report: Report, test: Evaluation) -> None:
    report.heading("Confusion")
    matrix, names = condensed_confusion(test.confusion, test.class_names, limit=_MAX_HEATMAP_CLASSES)
    report.figure(
        heatmap(matrix.tolist(), rows=names, columns=names, row_label="label", column_label="predicted"),
        caption="Examples by label and predicted class; the diagonal is right.",
    )
    pairs = most_confused(test.confusion, test.class_names, limit=_MAX_PAIRS)
    if pairs:
        report.table(
            ["label", "predicted instead", "examples", "share of the label"],
            [[pair.label, pair.predicted, pair.count, round(pair.share, 3)] for pair in pairs],
            caption="Most confused classes",
        )


def _add_roc(report: Report, test: Evaluation) -> None:
    report.heading("ROC")
    areas = {item.class_name: item.roc_auc for item in test.per_class}
    series = {
        f"{name} ({areas[name]:.3f})": (curve.false_positive_rates, curve.true_positive_rates)
        for name, curve in test.class_rocs.items()
    }
    report.figure(
        line_chart(series, x_label="false positive rate", y_label="true positive rate", y_range=(0.0, 1.0)),
        caption="Each class against the rest, area in brackets"
        + ("; the weakest classes." if len(test.class_names) > len(series) > 1 else "."),
    )


def _add_precision_recall(report: Report, test: Evaluation) -> None:
    if not test.precision_recalls:
        return
    report.heading("Precision and recall")
    report.figure(
        line_chart(
            {
                f"{name} ({curve.average_precision:.3f})": (curve.recalls, curve.precisions)
                for name, curve in test.precision_recalls.items()
            },
            x_label="recall",
            y_label="precision",
            y_range=(0.0, 1.0),
        ),
        caption="The same classes; average precision in brackets: "
        + "; ".join(
            f"{name} {curve.low:.3f} to {curve.high:.3f} (95 %), {curve.share_positive:.3f} by chance"
            for name, curve in test.precision_recalls.items()
        )
        + ".",
    )


def _add_calibration(report: Report, test: Evaluation) -> None:
    report.heading("Calibration")
    filled = [item for item in test.calibration if item.num_examples]
    model = ([item.mean_confidence for item in filled], [item.accuracy for item in filled])
    report.figure(
        line_chart(
            {"model": model, "perfectly calibrated": ([0.0, 1.0], [0.0, 1.0])},
            x_label="confidence of the prediction",
            y_label="share that is right",
            y_range=(0.0, 1.0),
        ),
        caption="Below the diagonal the model is surer than it should be.",
    )
    report.figure(
        bar_chart(
            {f"{item.high:.1f}": {"examples": item.num_examples} for item in test.calibration}, y_label="examples"
        ),
        caption="Examples by confidence: each bar ends at the value under it.",
    )
    report.table(
        ["confidence", "examples", "mean confidence", "share that is right", "95 % interval"],
        [
            [
                f"{item.low:.1f} to {item.high:.1f}",
                item.num_examples,
                item.mean_confidence,
                item.accuracy,
                _bounds(item.accuracy_low, item.accuracy_high),
            ]
            for item in filled
        ],
        caption="Where the mean confidence lies outside the interval, the model is surer than it should be, or less.",
    )


def opened_report(verdict: Verdict, num_examples: int) -> Report:
    """A report that begins with the verdict and what it found, whatever the model answers."""
    report = Report("Model analysis", subtitle=f"{num_examples:,} labelled examples of the test split")
    report.verdict(verdict.passed, verdict.reason)
    for finding in verdict.findings:
        if finding.severity != "blocking":
            report.paragraph(finding.message, tone="warn" if finding.severity == "warning" else "plain")
    return report


def add_influence(report: Report, influence: Mapping[str, float], *, what: str) -> None:
    """Add the influence of a table's columns; `what` a number of it means."""
    if not influence:
        return
    report.heading("Columns")
    shown = list(influence.items())[:_MAX_INFLUENCES]
    part = f"; the first {len(shown)} of {len(influence)}" if len(shown) < len(influence) else ""
    report.table(
        ["column", "influence"],
        [[name, round(value, 4)] for name, value in shown],
        caption=f"{what} when a column's values are shuffled among the examples{part}.",
    )


def _add_hardest(report: Report, content: ReportContent) -> None:
    report.heading("Worst mistakes")
    if content.mistakes:
        add_examples(
            report,
            content.mistakes,
            modality=content.modality,
            columns=content.shown_columns,
            caption="Wrong, the surest first: label, what it was taken for, and the probability given to that.",
        )
    else:
        report.paragraph("The model made no mistake on the test split.")
    report.heading("Least sure")
    add_examples(
        report,
        content.least_sure,
        modality=content.modality,
        columns=content.shown_columns,
        caption="Right or wrong, the two likeliest classes nearly tied: worth a second look at the label.",
    )
