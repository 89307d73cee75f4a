"""The first thing after the verdict in an evaluation's report: the model beside cheap ones on the same examples."""

import math

from components.model_analysis.baseline.comparison import BaselineComparison, Opponent
from components.reporting.page import Cell, Report
from components.shared.contracts.target_spec import ERROR_METRICS


def add_baseline(report: Report, comparison: BaselineComparison | None) -> None:
    """Add the comparison, or one sentence on why there is none; nothing where it was not asked for."""
    if comparison is None:
        return
    report.heading("Beside a cheap model")
    cheap = comparison.cheap
    if cheap is None:
        report.paragraph(f"No cheap model to compare with: {comparison.why_none}.")
        return
    opponents = [cheap, *comparison.others, *([] if comparison.constant is None else [comparison.constant])]
    opponents = [item for item in opponents if math.isfinite(item.found.difference)]
    mine: list[Cell] = ["this model", cheap.found.challenger, None, None, ""]
    report.table(
        ["model", comparison.metric, "this model is better by", "95 % interval", ""],
        [mine, *(_row(item) for item in opponents)],
        caption=_caption(comparison),
    )


def _row(item: Opponent) -> list[Cell]:
    found = item.found
    interval = f"{found.low:+.4f} to {found.high:+.4f}" if math.isfinite(found.low) else None
    said = "better than this model" if item.is_better else "beaten" if item.is_beaten else "not beaten"
    return [item.name, found.champion, f"{found.difference:+.4f}", interval, said]


def _caption(comparison: BaselineComparison) -> str:
    assert comparison.cheap is not None
    lower = " (the lower the better)" if comparison.metric in ERROR_METRICS else ""
    chosen = "" if not comparison.others else ", the first of them chosen on the validation split"
    bounds = "".join(f"; {item}" for item in comparison.bounds)
    return (
        f"{comparison.metric}{lower} on the same {comparison.cheap.found.num_examples:,} test examples. Cheap models "
        f"are trained on {comparison.num_train:,} training rows{chosen}{bounds}. Beaten is what is worse by more than "
        "chance: the whole interval lies above 0, and an exact test of shares agrees."
    )
