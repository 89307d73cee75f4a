"""How often differences between groups are refused that should not be, and how often their intervals cover.

    python -m benchmarks.fairness --employment shared/data/employment_ma --only "employment"

Every rate stands with its 95% interval (Clopper-Pearson). The lines on real people take the folder of a table
`reference.parquet` with the columns SEX, RAC1P, employed and prediction; without it they are left out.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
import time
from typing import Annotated

from fairlearn.metrics import false_positive_rate, MetricFrame, selection_rate, true_positive_rate
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score
import typer

from components.drift.group_differences import (
    difference_p_value,
    largest_difference,
    LargestDifference,
    ratio_p_value,
)
from components.drift.group_means import group_means, GroupMeans
from components.drift.multiple_tests import holm
from components.model_analysis.fairness.assessment import AnsweredExamples, assessed
from components.shared.contracts.fairness_spec import FairnessSpec
from components.shared.tables.sensitive_groups import Grouping, sensitive_groupings

LEVEL = 0.05
FAIRLEARN = {
    "accuracy": accuracy_score,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "selection_rate": selection_rate,
}
Drawn = Callable[[np.random.Generator], GroupMeans]


def shares_of(rates: list[float], num_each: int) -> Drawn:
    """Draws groups of `num_each` examples with true rates."""
    groups, chances = np.repeat(np.arange(len(rates)), num_each), np.repeat(rates, num_each)
    return lambda rng: group_means(rng.random(len(chances)) < chances, groups, len(rates))


def errors_of(scales: list[float], num_each: int) -> Drawn:
    """Draws absolute errors, exponentially distributed, with true means."""
    groups, means = np.repeat(np.arange(len(scales)), num_each), np.repeat(scales, num_each)
    return lambda rng: group_means(rng.exponential(means), groups, len(scales))


def clustered(rates: list[float], *, num_clusters: int, shared: bool) -> Drawn:
    """Draws clusters of 20 examples that resemble each other; `shared` clusters hold members of every group."""
    clusters = np.repeat(np.arange(num_clusters), 20)
    groups = np.arange(len(clusters)) % len(rates) if shared else clusters % len(rates)

    def draw(rng: np.random.Generator) -> GroupMeans:
        level = rng.beta(2.0, 2.0, num_clusters)[clusters] - 0.5  # of mean 0
        chance = np.array(rates)[groups] + 0.6 * level
        return group_means(rng.random(len(clusters)) < chance, groups, len(rates), clusters=clusters)

    return draw


def covered(repeats: int, draw: Drawn, truth: list[float], *, ratio: bool = False) -> Iterator[bool]:
    """Whether the interval of the largest difference, or of the smallest ratio, covers the true one."""
    rng, true = np.random.default_rng(0), np.array(truth)
    for _ in range(repeats):
        found = largest_difference(draw(rng))
        if ratio:
            yield found.ratio_low <= true.min() / true.max() <= found.ratio_high
        else:
            yield found.low <= np.ptp(true) <= found.high


def refused(repeats: int, draw: Drawn, limit: float, *, ratio: bool = False) -> Iterator[bool]:
    """Whether one comparison breaks its limit by more than chance."""
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        yield (ratio_p_value if ratio else difference_p_value)(draw(rng), limit) < LEVEL


def refused_by_points(repeats: int, draw: Drawn, limit: float) -> Iterator[bool]:
    """Whether the observed difference alone exceeds the limit, as a comparison of two numbers has it."""
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        values = draw(rng).values
        yield bool(np.ptp(values) > limit)


def any_refused(repeats: int, limit: float, gap: float = 0.0, num_rows: int = 4000) -> Iterator[bool]:
    """Whether any of sex, race and their crossing is refused in either rate of equalized odds: six tests at once."""
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        sex, race, labels = rng.integers(0, 2, num_rows), rng.integers(0, 5, num_rows), rng.random(num_rows) < 0.5
        answered = rng.random(num_rows) < np.where(labels, 0.8 - gap * (sex == 0), 0.2)
        p_values = [
            difference_p_value(group_means(answered[rows], groups[rows], num_groups), limit)
            for groups, num_groups in ((sex, 2), (race, 5), (sex * 5 + race, 10))
            for rows in (labels, ~labels)
        ]
        yield min(holm(p_values)) < LEVEL


class Employment:
    """Answers of a model to the people of a table, by sex and race."""

    def __init__(self, folder: Path) -> None:
        table = pq.read_table(folder / "reference.parquet", columns=["SEX", "RAC1P", "employed", "prediction"])
        self.labels = np.asarray(table["employed"]).astype(int)
        self.predicted = np.asarray(table["prediction"]).astype(int)
        columns = {name: table[name].combine_chunks().cast(pa.string()) for name in ("SEX", "RAC1P")}
        self.groupings = sensitive_groupings(columns)

    def assessed(self, rows: np.ndarray, predicted: np.ndarray, spec: FairnessSpec):  # noqa: ANN201
        """Fairness on some rows."""
        answered = AnsweredExamples(
            labels=self.labels[rows],
            predicted=predicted[rows],
            is_test=np.ones(len(rows), bool),
            groupings=[Grouping(columns=g.columns, names=g.names, numbers=g.numbers[rows]) for g in self.groupings],
            class_names=("no", "yes"),
        )
        return assessed(answered, spec)

    def disagreements(self) -> tuple[int, int]:
        """Figures compared with fairlearn's own functions, and how many are not the same to the last digit."""
        everyone = np.arange(len(self.labels))
        found = self.assessed(everyone, self.predicted, FairnessSpec(min_group_size=2)).judged
        differing = compared = 0
        for grouping in self.groupings:
            frame = MetricFrame(
                metrics=FAIRLEARN, y_true=self.labels, y_pred=self.predicted, sensitive_features=grouping.numbers
            )
            for one in (judged.comparison for judged in found if judged.comparison.columns == grouping.columns):
                theirs = frame.by_group[one.measure].to_numpy()
                differ = [
                    mine.value != other
                    for mine, other in zip(one.groups, theirs, strict=True)
                    if np.isfinite(mine.value)  # without an example of the class fairlearn says 0, we say nothing
                ]
                ends = [] if one.too_small else [one.found.difference != frame.difference()[one.measure]]
                compared, differing = compared + len(differ) + len(ends), differing + sum(differ) + sum(ends)
        return compared, differing

    def covered(self, repeats: int, num_rows: int, *, ratio: bool = False) -> Iterator[bool]:
        """Whether intervals of the true positive rate by race cover that of all people, on samples of them."""
        rng, is_positive = np.random.default_rng(0), self.labels == 1
        race = self.groupings[1]
        answered, groups = self.predicted[is_positive] == 1, race.numbers[is_positive]
        true = group_means(answered, groups, len(race.names)).values
        for _ in range(repeats):
            drawn = rng.integers(0, len(answered), num_rows)
            means = group_means(answered[drawn], groups[drawn], len(race.names))
            large = np.flatnonzero(means.num_examples >= 100)
            found, of_large = largest_difference(means.of_groups(large)), true[large]
            yield _covers(found, of_large, ratio=ratio)

    def refused(self, repeats: int, num_rows: int, harm: float) -> Iterator[bool]:
        """Whether a sample is refused where a share of the women whom the model finds are passed over."""
        rng, sex = np.random.default_rng(0), self.groupings[0]
        is_woman = sex.numbers == sex.names.index("SEX = 2")
        spec = FairnessSpec(metric="true_positive_rate", max_difference=0.1)
        for _ in range(repeats):
            passed_over = is_woman & (rng.random(len(is_woman)) < harm)
            predicted = np.where(passed_over, 0, self.predicted)
            yield not self.assessed(rng.integers(0, len(sex.numbers), num_rows), predicted, spec).verdict.passed


def _covers(found: LargestDifference, true: np.ndarray, *, ratio: bool) -> bool:
    if ratio:
        return bool(found.ratio_low <= true.min() / true.max() <= found.ratio_high)
    return bool(found.low <= np.ptp(true) <= found.high)


def lines(repeats: int, few: int) -> Iterator[tuple[str, str, Iterator[bool]]]:
    """What is counted, what is asked of it, and its outcomes, which are computed as they are read."""
    for rates, num_each in (([0.8, 0.7], 100), ([0.05, 0.1], 200), ([0.7] * 7 + [0.5], 150)):
        what = f"{len(rates)} groups of {num_each}, {min(rates):g} to {max(rates):g}"
        yield f"difference, {what}: covers", "95%", covered(repeats, shares_of(rates, num_each), rates)
        yield f"ratio, {what}: covers", "95%", covered(repeats, shares_of(rates, num_each), rates, ratio=True)
    yield "MAE, 3 groups of 100: covers", "95%", covered(repeats, errors_of([2, 3, 4], 100), [2, 3, 4])
    for shared in (False, True):
        draw = clustered([0.6, 0.5], num_clusters=60, shared=shared)
        what = "holding both groups" if shared else "of one group each"
        yield f"difference, 60 clusters {what}: covers", "95%", covered(repeats, draw, [0.6, 0.5])
    equal = shares_of([0.8] * 9, 150)
    yield "9 equal groups of 150, limit 0.1: refused", "at most 5%", refused(repeats, equal, 0.1)
    yield "  by the observed difference alone: refused", "", refused_by_points(repeats, equal, 0.1)
    yield "9 equal groups of 150, no difference allowed: refused", "at most 5%", refused(repeats, equal, 0.0)
    at_limit = shares_of([0.8, 0.7], 500)
    yield "2 groups of 500, exactly at the limit 0.1: refused", "at most 5%", refused(repeats, at_limit, 0.1)
    yield "2 groups of 500, 0.2 apart, limit 0.1: refused", "", refused(repeats, shares_of([0.8, 0.6], 500), 0.1)
    ratio = shares_of([0.5, 0.4], 500)
    yield "2 groups of 500, exactly at the ratio 0.8: refused", "at most 5%", refused(repeats, ratio, 0.8, ratio=True)
    yield "equal, 6 comparisons at once, limit 0: any refused", "at most 5%", any_refused(few, 0.0)
    yield "equal, 6 comparisons at once, limit 0.1: any refused", "at most 5%", any_refused(few, 0.1)
    yield "0.2 apart by sex, 6 comparisons, limit 0.1: refused", "", any_refused(few, 0.1, gap=0.2)


def of_employment(people: Employment, repeats: int, few: int) -> Iterator[tuple[str, str, Iterator[bool]]]:
    """The same on real people."""
    yield "employment, 3,000 positives by race: covers", "95%", people.covered(repeats, 3000)
    yield "employment, 3,000 positives by race, ratio: covers", "95%", people.covered(repeats, 3000, ratio=True)
    yield "employment, 4,000 people, as it is: refused", "", people.refused(few // 10, 4000, 0.0)
    yield "employment, women passed over by 25%: refused", "", people.refused(few // 10, 4000, 0.25)


def print_rate(what: str, asked: str, found: Iterator[bool]) -> None:
    """Count a line's outcomes, and print their share with its interval."""
    started = time.process_time()
    outcomes = list(found)
    count = sum(outcomes)
    interval = binomtest(count, len(outcomes)).proportion_ci(0.95)
    print(
        f"{what:<60} {asked:>10} {count / len(outcomes):8.2%} {interval.low:8.2%} to {interval.high:7.2%} "
        f"{len(outcomes):6,} {(time.process_time() - started) / len(outcomes) * 1000:8.2f}",
        flush=True,
    )


def main(
    repeats: Annotated[int, typer.Option(help="Runs of each line.", min=1)] = 2000,
    few: Annotated[int, typer.Option(help="Runs of lines that cost more; a tenth on real people.", min=10)] = 2000,
    only: Annotated[str, typer.Option(help="Only lines that say this.")] = "",
    employment: Annotated[Path | None, typer.Option(help="Folder with reference.parquet of real people.")] = None,
) -> None:
    """Print how often differences between groups are refused, and how often intervals cover."""
    print(f"{'':<60} {'asked':>10} {'observed':>8} {'95% interval':>19} {'runs':>6} {'CPU ms':>8}")
    for what, asked, found in lines(repeats, few):
        if only in what:
            print_rate(what, asked, found)
    if employment is not None:
        people = Employment(employment)
        if only in "employment, as fairlearn":
            compared, differing = people.disagreements()
            print(f"employment: {differing} of {compared} figures differ from fairlearn's")
        for what, asked, found in of_employment(people, repeats, few):
            if only in what:
                print_rate(what, asked, found)


if __name__ == "__main__":
    typer.run(main)
