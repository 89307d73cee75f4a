"""Tables of what columns hold, numbers and categories: a row a column and dataset."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, UTC
import math

from components.data_validation.reports.common_bins import number_name
from components.data_validation.reports.short_text import short
from components.data_validation.statistics.feature_summaries import FeatureSummary
from components.data_validation.tables.arrow_lists import ExaminedColumn
from components.reporting.page import Cell, Report

_TOP_VALUES = 3
_NUMBER_KINDS = ("integer", "float", "time")
_DAY_S = 86400.0


def add_summary_tables(
    report: Report,
    columns: Sequence[ExaminedColumn],
    summaries: Mapping[str, Mapping[str, FeatureSummary]],
    datasets: Sequence[str],
) -> None:
    """Add a table of the numbers and one of the categories; of personal data only what is missing."""
    held = [
        (column, dataset, summaries[dataset][column.name])
        for column in columns
        for dataset in datasets
        if column.name in summaries[dataset]
    ]
    numbers = [_number_row(*item) for item in held if item[0].kind in _NUMBER_KINDS]
    categories = [_category_row(*item) for item in held if item[0].kind not in _NUMBER_KINDS]
    if numbers:
        report.table(["column", "rows", "missing", "mean", "std", "min", "median", "max"], numbers, caption="Numbers")
    if categories:
        names = ["column", "rows", "missing", "different", "most frequent"]
        report.table(names, categories, caption="Categories")


def _number_row(column: ExaminedColumn, dataset: str, summary: FeatureSummary) -> list[Cell]:
    numbers = [summary.mean, summary.std, summary.minimum, summary.median, summary.maximum]
    cells: list[Cell] = [_shown(value, column, is_length=place == 1) for place, value in enumerate(numbers)]
    return [short(column.name), dataset, f"{summary.missing_share:.1%}", *cells]


def _category_row(column: ExaminedColumn, dataset: str, summary: FeatureSummary) -> list[Cell]:
    missing = f"{summary.missing_share:.1%}"
    if column.kind == "masked":
        return [short(column.name), dataset, missing, None, "personal data: counted only"]
    return [short(column.name), dataset, missing, summary.num_unique, _top_values(summary)]


def _shown(value: float, column: ExaminedColumn, *, is_length: bool) -> Cell:
    if column.kind != "time" or not math.isfinite(value):
        return value
    return f"{value / _DAY_S:.4g} days" if is_length else _date(value)


def _date(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return number_name(seconds)


def bin_namer(column: ExaminedColumn) -> Callable[[float], str]:
    """Names a bin of a column by its lower end: as a date where the column holds times."""
    return _date if column.kind == "time" else number_name


def _top_values(summary: FeatureSummary) -> str:
    top = list(summary.value_counts.items())[:_TOP_VALUES]
    return ", ".join(f"{short(value)} {count / summary.num_present:.0%}" for value, count in top) or "–"
