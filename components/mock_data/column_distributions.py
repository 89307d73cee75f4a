"""From which values of a column are drawn: numbers along a distribution, texts by their frequencies."""

from dataclasses import dataclass, replace
import re

import numpy as np

from components.mock_data.column_rules import ColumnRule
from components.mock_data.column_statistics import ColumnStatistics
from components.mock_data.made_up_words import made_up_value

Value = int | float | str

_DEFAULT_SPAN = 100
_DEFAULT_CATEGORIES = 20
_MOST_CATEGORIES = 10_000
# Codes are carried over where they are at most so many, each in so many rows on average.
_MOST_CODES = 100
_LEAST_REPEATS = 5
_DEFAULT_LENGTH = 8
_DEFAULT_MISSING_SHARE = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberDistribution:
    """A distribution of numbers within a rule, linear between its points.

    `points` and `shares`, shape (P,), float64, rise: the share of the numbers up to each point.
    """

    rule: ColumnRule
    points: np.ndarray
    shares: np.ndarray

    def draw(self, rng: np.random.Generator, num_rows: int) -> list[float]:
        """Draw numbers, whole where the rule says so, within its bounds."""
        drawn = np.interp(rng.random(num_rows), self.shares, self.points)
        if self.rule.content == "whole":
            drawn = np.rint(drawn)
        return [self.rule.within(value) for value in drawn.tolist()]


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoryDistribution:
    """K values and how often each occurs: shares (K,), float64, add up to 1.

    The first `num_certain` values occur whatever is drawn.
    """

    values: tuple[Value, ...]
    shares: np.ndarray
    num_certain: int = 0

    def draw(self, rng: np.random.Generator, num_rows: int) -> list[Value]:
        """Draw values."""
        codes = rng.choice(len(self.values), size=num_rows, p=self.shares)
        certain = min(self.num_certain, num_rows)
        codes[rng.permutation(num_rows)[:certain]] = np.arange(certain)
        return [self.values[code] for code in codes.tolist()]


Distribution = NumberDistribution | CategoryDistribution


def column_distribution(
    rule: ColumnRule, statistics: ColumnStatistics | None, *, is_personal: bool = False
) -> Distribution:
    """The distribution of a column.

    Statistics come first, held within the schema; without them the schema's domain, every value as likely as another;
    where neither says anything a small default. With `is_personal` every text is made up, whatever the schema lists.
    """
    if rule.content == "words" or (statistics is not None and statistics.counts):
        return _category_distribution(rule, statistics, is_personal=is_personal)
    if is_personal:
        statistics = None
    if rule.min_distinct or rule.max_distinct is not None:
        return _few_numbers(rule)
    return _number_distribution(rule, statistics)


def missing_rows(
    rule: ColumnRule, statistics: ColumnStatistics | None, rng: np.random.Generator, num_rows: int
) -> np.ndarray:
    """Which rows have no value, shape (N,), bool: as many as the statistics say and the schema allows.

    Without statistics, a twentieth where the schema allows missing values at all. Refuses too few rows for the schema.
    """
    required = rule.required_rows(num_rows)
    if required > num_rows:
        raise ValueError(
            f"num_examples must be at least {required}, for the schema wants so many values of {rule.name!r}, "
            f"got {num_rows}"
        )
    share = _DEFAULT_MISSING_SHARE if statistics is None else statistics.missing_share
    num_missing = num_rows if rule.is_empty else min(round(share * num_rows), num_rows - required)
    missing = np.zeros(num_rows, dtype=bool)
    missing[rng.permutation(num_rows)[:num_missing]] = True
    return missing


def stored_value(value: Value, rule: ColumnRule) -> Value:
    """A drawn value in the type that the column has."""
    if rule.stored == "string":
        return str(value)
    return int(value) if rule.stored == "int64" else float(value)


def _number_distribution(rule: ColumnRule, statistics: ColumnStatistics | None) -> NumberDistribution:
    if statistics is not None and len(statistics.points):
        if statistics.is_whole:
            rule = replace(rule, content="whole")
        return NumberDistribution(rule=rule, points=statistics.points, shares=statistics.shares)
    low, high = _bounds(rule)
    # Half a step beyond both ends: the outermost whole numbers are as likely as any other.
    margin = 0.5 if rule.content == "whole" else 0.0
    return NumberDistribution(rule=rule, points=np.array([low - margin, high + margin]), shares=np.array([0.0, 1.0]))


def _bounds(rule: ColumnRule) -> tuple[float, float]:
    span = _DEFAULT_SPAN if rule.content == "whole" else 1.0
    low = rule.low if rule.low is not None else (0 if rule.high is None else rule.high - span)
    return low, rule.high if rule.high is not None else low + span


def _few_numbers(rule: ColumnRule) -> CategoryDistribution:
    """Numbers of a column that limits how many of them differ."""
    low, high = _bounds(rule)
    most = rule.max_distinct if rule.max_distinct is not None else max(rule.min_distinct, _DEFAULT_CATEGORIES)
    if rule.content == "whole":
        most = min(most, int(high) - int(low) + 1)
    _check_distinct(rule, most)
    spread = np.linspace(low, high, most)
    values = dict.fromkeys(map(rule.within, (np.rint(spread) if rule.content == "whole" else spread).tolist()))
    return CategoryDistribution(values=tuple(values), shares=_equal(len(values)), num_certain=rule.min_distinct)


def _category_distribution(
    rule: ColumnRule, statistics: ColumnStatistics | None, *, is_personal: bool
) -> CategoryDistribution:
    counts = {} if statistics is None else statistics.counts
    listed = None if is_personal else _listed(rule, statistics)
    if listed is not None:
        weights = np.array([counts.get(value, 0.0) for value in listed])
        order = np.argsort(-weights, kind="stable")
        values: list[Value] = [listed[index] for index in order.tolist()]
        weights = weights[order]
    else:
        weights = _weights(statistics)
        if rule.max_distinct is None:
            weights = np.pad(weights, (0, max(rule.min_distinct - len(weights), 0)))
        values = _made_up_values(rule, len(weights), statistics)
    values, weights = values[: rule.max_distinct], weights[: rule.max_distinct][: len(values)]
    _check_distinct(rule, len(values))
    return CategoryDistribution(values=tuple(values), shares=_normal(weights), num_certain=rule.min_distinct)


def _listed(rule: ColumnRule, statistics: ColumnStatistics | None) -> tuple[str, ...] | None:
    """Texts that may be carried over: the schema's, or codes that repeat too often to name a person; None for none.

    TFDV lists no codes: where all texts are whole numbers it says just that.
    """
    if rule.values is not None or rule.content == "words" or statistics is None:
        return rule.values
    if statistics.num_distinct > _MOST_CODES or statistics.num_present < _LEAST_REPEATS * statistics.num_distinct:
        return None
    return tuple(code for code in statistics.counts if _is_allowed(code, rule)) or None


def _is_allowed(code: str, rule: ColumnRule) -> bool:
    pattern = r"-?\d{1,18}" if rule.content == "whole" else r"-?\d+(\.\d+)?"
    return bool(re.fullmatch(pattern, code)) and rule.within(float(code)) == float(code)


def _weights(statistics: ColumnStatistics | None) -> np.ndarray:
    """Rows of each text: those of the listed texts from the statistics, the others evenly."""
    if statistics is None or not statistics.counts:
        return np.ones(_DEFAULT_CATEGORIES)
    listed = np.array([*statistics.counts.values()])
    num_others = min(max(statistics.num_distinct - len(listed), 0), _MOST_CATEGORIES)
    others = max(statistics.num_present - listed.sum(), 0.0)
    return np.concatenate([listed, np.full(num_others, others / max(num_others, 1))])


def _made_up_values(rule: ColumnRule, count: int, statistics: ColumnStatistics | None) -> list[Value]:
    if rule.content != "words":
        low, high = _bounds(rule)
        step = 1.0 if rule.content == "whole" else (high - low) / max(count, 1)
        return list(dict.fromkeys(rule.within(low + step * rank) for rank in range(count)))
    length = round(statistics.mean_length) if statistics and statistics.mean_length else _DEFAULT_LENGTH
    return [made_up_value(rule.name, rank, length) for rank in range(count)]


def _check_distinct(rule: ColumnRule, available: int) -> None:
    if rule.min_distinct > available:
        raise ValueError(
            f"column {rule.name!r} must have at least {rule.min_distinct} different values by the schema's "
            f"unique_constraints, but its domain allows {available}"
        )


def _normal(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum() if weights.sum() else _equal(len(weights))


def _equal(count: int) -> np.ndarray:
    return np.full(count, 1.0 / count)
