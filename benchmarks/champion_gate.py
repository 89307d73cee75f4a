"""How often the champion gate refuses what it should, and lets pass what it should; how often intervals cover.

    python -m benchmarks.champion_gate --only "points worse"

10,000 test rows of which the two models judge 6% differently, margin 1 point, two slices of 5,000: an equal model must
pass in at least 90% of the runs; one that is 2 points worse overall, or on one slice, must be refused in at least 95%.
Every rate stands with its 95% interval (Clopper-Pearson).
"""

from collections.abc import Callable, Iterator
import time
from typing import Annotated

import numpy as np
from scipy.stats import binomtest
import typer

from components.drift.paired_shares import paired_shares, PairedDifference
from components.model_analysis.gate.answered_pair import ClassPair
from components.model_analysis.gate.champion_comparison import compared_with_champion
from components.model_analysis.gate.paired_comparison import paired_areas, paired_macro, paired_numbers
from components.model_analysis.metrics.calibration import brier_score
from components.model_analysis.metrics.class_intervals import class_intervals
from components.model_analysis.metrics.class_sums import class_columns, macro_measures
from components.model_analysis.metrics.roc import one_vs_rest_auc
from components.shared.contracts.target_spec import TargetSpec

NUM_ROWS, DISAGREE = 10_000, 0.06
HALVES = {"half = first": np.arange(NUM_ROWS) < 5_000, "half = second": np.arange(NUM_ROWS) >= 5_000}
MANY = {f"shop = {number}": np.arange(NUM_ROWS) // 250 == number for number in range(40)}


def drawn_pair(
    rng: np.random.Generator, *, worse: float = 0.0, on_slice: float = 0.0, groups: np.ndarray | None = None
) -> ClassPair:
    """Answers of two models on 10,000 rows; `worse` of the rows all over, `on_slice` of the first half alone."""
    loss = np.full(NUM_ROWS, worse)
    loss[: NUM_ROWS // 2] += on_slice
    place = rng.random(NUM_ROWS)
    if groups is not None:  # rows of a group go the same way
        place = np.where(rng.random(NUM_ROWS) < 0.5, place, rng.random(int(groups.max()) + 1)[groups])
    lost, won = place < (DISAGREE + loss) / 2, place > 1 - (DISAGREE - loss) / 2
    both_wrong = (rng.random(NUM_ROWS) < 0.1) & ~lost & ~won
    sides = [np.column_stack([wrong, ~wrong]).astype(float) for wrong in (lost | both_wrong, won | both_wrong)]
    return ClassPair(labels=np.ones(NUM_ROWS, int), challenger=sides[0], champion=sides[1], groups=groups)


def refusals(repeats: int, slices: dict[str, np.ndarray], **how: float) -> Iterator[bool]:
    """Whether each drawn challenger is refused."""
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        yield bool(compared_with_champion(drawn_pair(rng, **how), TargetSpec(), slices=slices).refused())


def refusals_in_groups(repeats: int) -> Iterator[bool]:
    """The same of equal models whose answers go together within groups of 100 rows."""
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(100), 100)
    for _ in range(repeats):
        pair = drawn_pair(rng, groups=groups)
        yield bool(compared_with_champion(pair, TargetSpec(margin=0.0)).refused())


def refusals_at_the_smallest_difference(repeats: int) -> Iterator[bool]:
    """Whether a challenger is refused that is as much worse as the report says can be found in 80%."""
    rng, found = np.random.default_rng(0), 0.0
    found = compared_with_champion(drawn_pair(rng), TargetSpec()).overall.detectable
    for _ in range(repeats):
        yield compared_with_champion(drawn_pair(rng, worse=found), TargetSpec()).overall.is_refused


def intervals_of_shares(repeats: int, num_rows: int, disagree: float) -> Iterator[bool]:
    """Whether the interval of a paired difference of 0.4 of the disagreement covers."""
    rng, loss = np.random.default_rng(0), 0.4 * disagree
    for _ in range(repeats):
        place = rng.random(num_rows)
        lost, won = place < (disagree + loss) / 2, place > 1 - (disagree - loss) / 2
        found = paired_shares(~lost, ~won)
        yield found.low <= -loss <= found.high


def false_alarms(repeats: int, compare: Callable[[np.ndarray, np.ndarray], PairedDifference]) -> Iterator[bool]:
    """Whether a test at 5% takes the first of two equal models for worse: 300 rows of two classes."""
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        labels = rng.integers(0, 2, 300)
        logits = 1.5 * (labels - 0.5)[:, None] + rng.normal(0, 1, (300, 2))
        yield compare(labels, logits).p_value < 0.05


def covered_metrics(repeats: int, name: str) -> Iterator[bool]:
    """Whether the interval of a metric on 300 rows of two classes covers its value on a million."""
    rng = np.random.default_rng(0)
    truth = _metric(name, *_scored(rng, 1_000_000))
    for _ in range(repeats):
        low, high = class_intervals(*_scored(rng, 300), 0.0).metrics[name]
        yield low <= truth <= high


def _scored(rng: np.random.Generator, num_rows: int) -> tuple[np.ndarray, np.ndarray]:
    labels = (rng.random(num_rows) < 0.3).astype(int)
    likely = 1 / (1 + np.exp(-(1.5 * (labels - 0.5) + rng.normal(0, 1, num_rows))))
    return labels, np.column_stack([1 - likely, likely])


def _metric(name: str, labels: np.ndarray, probabilities: np.ndarray) -> float:
    if name == "macro_f1":
        sums = class_columns(labels, probabilities.argmax(axis=1), 2).sum(axis=0)[None]
        return float(macro_measures(sums)[name][0])
    if name == "roc_auc":
        return float(np.mean(one_vs_rest_auc(labels, probabilities)))
    return brier_score(labels, probabilities)


def print_rate(what: str, asked: str, found: Iterator[bool]) -> None:
    """Count a line's outcomes, and print their share with its interval."""
    started = time.perf_counter()
    outcomes = list(found)
    count = sum(outcomes)
    interval = binomtest(count, len(outcomes)).proportion_ci(0.95)
    print(
        f"{what:<58} {asked:>12} {count / len(outcomes):8.2%} {interval.low:8.2%} to {interval.high:7.2%} "
        f"{(time.perf_counter() - started) / len(outcomes) * 1000:8.2f}",
        flush=True,
    )


def lines(repeats: int, bootstraps: int) -> Iterator[tuple[str, str, Iterator[bool]]]:
    """What is counted, what is asked of it, and its outcomes, which are computed as they are read."""
    yield "equal, two slices of 5,000: refused", "at most 10%", refusals(repeats, HALVES)
    yield "equal, forty slices of 250: refused", "at most 10%", refusals(repeats, MANY)
    yield "2 points worse overall: refused", "at least 95%", refusals(repeats, HALVES, worse=0.02)
    yield "2 points worse on a slice of 5,000: refused", "at least 95%", refusals(repeats, HALVES, on_slice=0.02)
    yield "equal, groups of 100, no margin: refused", "at most 5%", refusals_in_groups(repeats)
    yield "worse by the smallest detectable: refused", "80%", refusals_at_the_smallest_difference(repeats)
    for num_rows, disagree in ((50, 0.2), (100, 0.06), (1_000, 0.06)):
        what = f"interval of a paired difference, {num_rows:,} rows, {disagree:.0%}"
        yield f"{what}: covers", "95%", intervals_of_shares(repeats, num_rows, disagree)
    areas = false_alarms(repeats, lambda labels, s: paired_areas(labels, *(np.column_stack([-x, x]) for x in s.T)))
    yield "equal ROC AUC, 300 rows: taken for worse", "5%", areas
    macro = false_alarms(bootstraps, lambda labels, s: paired_macro(labels, *(s > 0).T.astype(int), "macro_f1", 2))
    yield "equal macro F1, 300 rows: taken for worse", "5%", macro
    numbers = false_alarms(bootstraps, lambda labels, s: paired_numbers(labels * 1.0, *s.T, "rmse"))
    yield "equal RMSE, 300 rows: taken for worse", "5%", numbers
    for name in ("macro_f1", "roc_auc", "brier_score"):
        yield f"interval of {name}, 300 rows: covers", "95%", covered_metrics(bootstraps, name)


def main(
    repeats: Annotated[int, typer.Option(help="Runs of each line.", min=1)] = 2000,
    bootstraps: Annotated[int, typer.Option(help="Runs of lines that resample, which cost more.", min=1)] = 2000,
    only: Annotated[str, typer.Option(help="Only lines that say this.")] = "",
) -> None:
    """Print how often the gate refuses, and how often intervals cover."""
    print(f"{'':<58} {'asked':>12} {'observed':>8} {'95% interval':>19} {'ms a run':>8}")
    for what, asked, found in lines(repeats, bootstraps):
        if only in what:
            print_rate(what, asked, found)


if __name__ == "__main__":
    typer.run(main)
