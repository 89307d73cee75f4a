"""The report of an evaluation where the label is a number: verdict, errors, residuals, and the worst mistakes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import math

import numpy as np

from components.model_analysis.baseline.comparison import BaselineComparison
from components.model_analysis.baseline.report import add_baseline
from components.model_analysis.errors.hardest_report import add_numbers
from components.model_analysis.errors.largest_errors import MissedNumber
from components.model_analysis.evaluation_report import add_influence, opened_report
from components.model_analysis.metrics.regression import NumberEvaluation
from components.reporting.charts import bar_chart, line_chart
from components.reporting.page import Cell, Report
from components.shared.contracts.verdict import Verdict

_NUM_BARS = 12
_BAR_QUANTILES = (0.005, 0.995)
_NAMES = {"rmse": "RMSE", "mae": "MAE", "r2": "R2"}


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberReportContent:
    """What a report shows; `mistakes` are of the test split, the largest error first.

    `not_by_people` are figures on what models and rules labelled in the validation and test splits, shown apart.

    `influence` is that of each column, largest first (see `column_influence`); `shown_columns` are those whose values
    may be shown, the most telling first. `baseline` is the model beside cheap ones.
    """

    verdict: Verdict
    test: NumberEvaluation
    validation: NumberEvaluation
    mistakes: Sequence[MissedNumber]
    not_by_people: NumberEvaluation | None = None
    influence: Mapping[str, float] = field(default_factory=dict)
    shown_columns: Sequence[str] = ()
    baseline: BaselineComparison | None = None


def number_report(content: NumberReportContent) -> Report:
    """Build the report of an evaluation."""
    test = content.test
    report = opened_report(content.verdict, test.num_examples)
    _add_not_by_people(report, content.not_by_people)
    if not test.num_examples:
        return report
    _add_metrics(report, content)
    _add_sizes(report, test)
    _add_residuals(report, test.residuals)
    add_influence(report, content.influence, what="How far the answer moves, in standard deviations of the label,")
    report.heading("Worst mistakes")
    add_numbers(
        report,
        content.mistakes,
        columns=content.shown_columns,
        caption="The largest errors first: label, prediction, and prediction less label.",
    )
    return report


def _add_not_by_people(report: Report, apart: NumberEvaluation | None) -> None:
    if apart is not None and apart.num_examples:
        report.paragraph(
            f"Apart from these figures: {apart.num_examples:,} examples of the validation and test splits were "
            "labelled by a model or a rule. The model is not judged on those labels; its RMSE on them is "
            f"{apart.metrics['rmse']:.4g}."
        )


def _add_metrics(report: Report, content: NumberReportContent) -> None:
    test, validation = content.test, content.validation
    report.facts({"test examples": test.num_examples, "mean error": _number(test.metrics["bias"])})
    add_baseline(report, content.baseline)
    report.heading("Metrics")
    drawn = "test examples" if test.num_groups is None else f"groups of test examples, {test.num_groups:,} of them"
    rows: list[list[Cell]] = []
    for key, name in _NAMES.items():
        low, high = test.metrics[f"{key}_low"], test.metrics[f"{key}_high"]
        interval = "" if math.isnan(low) else f"{low:.4g} to {high:.4g}"
        numbers = (test.metrics[key], validation.metrics[key], test.baselines[key])
        shown = [_number(number) for number in numbers]
        rows.append([name, shown[0], interval, *shown[1:]])
    report.table(
        ["metric", "test", "95 % interval", "validation", "always the same number"],
        rows,
        caption="RMSE and MAE in the label's unit, the lower the better; R2 is 1 for a perfect model and 0 for always "
        f"answering the mean. Intervals are percentiles over resampled {drawn}.",
    )


def _add_sizes(report: Report, test: NumberEvaluation) -> None:
    report.heading("Residuals by size")
    predicted = [item.mean_predicted for item in test.bins]
    report.figure(
        line_chart(
            {"label": (predicted, [item.mean_label for item in test.bins]), "prediction": (predicted, predicted)},
            x_label="mean prediction",
            y_label="mean label",
        ),
        caption="Examples in groups by the size of the prediction: where the lines part, the model answers too much "
        "or too little.",
    )
    report.table(
        ["predicted from", "to", "examples", "mean label", "mean prediction", "mean error", "MAE"],
        [
            [_number(item.low), _number(item.high), item.num_examples]
            + [_number(value) for value in (item.mean_label, item.mean_predicted, item.bias, item.mae)]
            for item in test.bins
        ],
    )


def _add_residuals(report: Report, residuals: np.ndarray) -> None:
    low, high = np.quantile(residuals, _BAR_QUANTILES)
    if not low < high:
        return
    counts, edges = np.histogram(residuals.clip(low, high), bins=_NUM_BARS, range=(low, high))
    bars = zip(edges[1:].tolist(), counts.tolist(), strict=True)
    report.figure(
        bar_chart({f"{end:.3g}": {"examples": count} for end, count in bars}, y_label="examples"),
        caption="Examples by prediction less label: each bar ends at the value under it; the outermost hold the rest.",
    )


def _number(value: float) -> Cell:
    return f"{value:.4g}" if math.isfinite(value) else None
