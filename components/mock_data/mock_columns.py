"""The columns of a mock table: each follows its own distribution, and a few also show the class of a row."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from components.mock_data.column_distributions import (
    column_distribution,
    Distribution,
    missing_rows,
    stored_value,
    Value,
)
from components.mock_data.column_rules import ColumnRule
from components.mock_data.column_statistics import ColumnStatistics
from components.mock_data.made_up_words import concept_rng
from components.mock_data.planted_signal import class_scores, coupled, distance_of_classes

_MAX_NUMBERS = 2
_MAX_CARRIERS = 3
_PROBE_ROWS = 1000
# Bits below which a column is too uniform, or too often missing, to carry a class.
_MIN_BITS = 0.3
# Bits above which a text has too many values for each to be learnt from a few rows.
_MAX_BITS_OF_TEXT = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TableFacts:
    """What is demanded and known of the columns beside label and text.

    Attributes
    ----------
    personal
        Columns whose values must all be made up.
    features
        Columns that a model reads: only these may carry the signal, and every row has a value in one of them.
    """

    rules: Mapping[str, ColumnRule]
    statistics: Mapping[str, ColumnStatistics] = field(default_factory=dict)
    personal: Collection[str] = ()
    features: Collection[str] = ()

    def distribution(self, name: str) -> Distribution:
        """The distribution of a column."""
        return column_distribution(self.rules[name], self.statistics.get(name), is_personal=name in self.personal)


def mock_columns(
    shown: np.ndarray, num_classes: int, facts: TableFacts, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """The columns of a table, `{name: array (N,)}`: int64, float64 or string, null where missing.

    Up to three features, two of them numbers, show the class, `shown` (N,): their drawn values are dealt out by class.
    """
    carriers = signal_carriers(facts)
    values: dict[str, list[Value]] = {name: [*facts.distribution(name).draw(rng, len(shown))] for name in facts.rules}
    for name in carriers:
        scores = class_scores(shown, num_classes, name, distance=distance_of_classes(len(carriers)))
        values[name] = coupled(values[name], scores + rng.standard_normal(len(shown)))
    missing = {
        name: missing_rows(rule, facts.statistics.get(name), rng, len(shown)) for name, rule in facts.rules.items()
    }
    _leave_one(missing, facts)
    return {name: column_array(values[name], missing[name], rule) for name, rule in facts.rules.items()}


def column_array(values: Sequence[Value], missing: np.ndarray, rule: ColumnRule) -> pa.Array:
    """N values as the column that the rule describes, null where `missing`, shape (N,), bool."""
    kind = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}[rule.stored]
    return pa.array([stored_value(value, rule) for value in values], kind, mask=missing)


def signal_carriers(facts: TableFacts) -> tuple[str, ...]:
    """The features that show the class: those of most bits, two numbers and a text where there are such.

    The same facts give the same columns, whatever the seed of a sample.
    """
    bits = {name: _bits(name, facts) for name in facts.rules if name in facts.features and name not in facts.personal}
    telling = sorted((name for name in bits if bits[name] >= _MIN_BITS), key=lambda name: (-bits[name], name))
    numbers = [name for name in telling if facts.rules[name].content != "words"]
    texts = [name for name in telling if facts.rules[name].content == "words" and bits[name] <= _MAX_BITS_OF_TEXT]
    first = [*numbers[:_MAX_NUMBERS], *texts[: _MAX_CARRIERS - len(numbers[:_MAX_NUMBERS])]]
    return tuple([*first, *numbers[_MAX_NUMBERS:]][:_MAX_CARRIERS])


def _bits(name: str, facts: TableFacts) -> float:
    """Entropy of a column's values, in bits, by the share of rows that have one."""
    drawn = facts.distribution(name).draw(concept_rng(name, "probe"), _PROBE_ROWS)
    _, counts = np.unique(np.array(drawn, dtype=str), return_counts=True)
    shares = counts / counts.sum()
    statistics = facts.statistics.get(name)
    missing = 1.0 if facts.rules[name].is_empty else (statistics.missing_share if statistics else 0.0)
    return float(-(shares * np.log2(shares)).sum() * (1.0 - missing))


def _leave_one(missing: dict[str, np.ndarray], facts: TableFacts) -> None:
    """Give a value, in place, to each row without any feature: ingestion quarantines such rows."""
    features = [name for name in facts.rules if name in facts.features and not facts.rules[name].is_empty]
    if features:
        fullest = min(features, key=lambda name: int(missing[name].sum()))
        bare = np.all([missing[name] for name in features], axis=0)
        missing[fullest] &= ~bare
