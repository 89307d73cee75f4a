"""The report on scored examples: how many, what was answered, how surely, and metrics where labels are known."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.reporting.charts import bar_chart
from components.reporting.page import Cell, Report
from components.shared.contracts.predictions_table import PredictionsTable

_SHOWN_CLASSES = 50
_BATCH_ROWS = 65_536
_QUANTILES = {"smallest": 0.0, "1 in 20 below": 0.05, "median": 0.5, "1 in 20 above": 0.95, "largest": 1.0}


def scoring_report(
    *, counts: Mapping[str, Cell], metrics: Mapping[str, float], table: PredictionsTable, where: str
) -> Report:
    """The report, not yet written.

    Parameters
    ----------
    counts
        How many were scored and how many were not, in words.
    metrics
        Of the labelled examples; empty without labels.
    table
        The predictions.
    where
        What people call the folder that they are in.
    """
    report = Report("Scored examples", subtitle=where)
    report.facts(dict(counts))
    if table.is_regression:
        _add_numbers(report, table)
    else:
        _add_classes(report, table)
    if metrics:
        report.heading("Where labels are known")
        report.table(["metric", "value"], [[name, value] for name, value in metrics.items()])
    return report


def _add_classes(report: Report, table: PredictionsTable) -> None:
    counts = np.zeros(len(table.class_names), dtype=np.int64)
    sure = np.zeros(10, dtype=np.int64)
    sums = np.zeros(len(table.class_names))
    for batch in table.iter_batches(["probabilities"], batch_rows=_BATCH_ROWS):
        column = batch.column(0)
        probabilities = np.asarray(column.flatten()).reshape(len(column), len(table.class_names))
        answered, surest = probabilities.argmax(axis=1), probabilities.max(axis=1)
        counts += np.bincount(answered, minlength=len(counts))
        np.add.at(sums, answered, surest)
        sure += np.histogram(surest, bins=10, range=(0, 1))[0]
    order = np.argsort(-counts, kind="stable")[:_SHOWN_CLASSES].tolist()
    report.heading("Answers")
    report.table(
        ["answer", "examples", "share", "mean probability"],
        [_class_row(table.class_names[index], counts[index], sums[index], counts.sum()) for index in order],
        caption=f"The {_SHOWN_CLASSES} most frequent." if len(counts) > _SHOWN_CLASSES else "",
    )
    names = [f"{low / 10:g} to {(low + 1) / 10:g}" for low in range(10)]
    shares = sure / max(sure.sum(), 1)
    report.figure(
        bar_chart({"examples": dict(zip(names, shares.tolist(), strict=True))}, y_label="share of examples"),
        caption="Probability of the answer: how sure the model was.",
    )


def _class_row(name: str, count: np.int64, total: np.float64, num_examples: np.int64) -> list[Cell]:
    mean = float(total / count) if count else None
    return [name, int(count), float(count) / max(int(num_examples), 1), mean]


def _add_numbers(report: Report, table: PredictionsTable) -> None:
    answers: pa.ChunkedArray = table.read(["predicted"]).column(0)
    quantiles = pc.quantile(answers, list(_QUANTILES.values())).to_pylist()
    report.heading("Answers")
    report.table(["", "answer"], [[name, value] for name, value in zip(_QUANTILES, quantiles, strict=True)])
