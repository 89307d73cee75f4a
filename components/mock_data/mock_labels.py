"""The classes of the label, how frequent each is, and how many examples each gets."""

from dataclasses import dataclass
import re

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from components.mock_data.apportionment import apportioned
from components.mock_data.column_rules import ColumnRule, serving_absentees
from components.mock_data.column_statistics import ColumnStatistics
from components.shared.contracts.problem import LABEL_NAMES

# So many that every split has some, and training two: fewer block the pipeline.
MIN_EXAMPLES_A_CLASS = 5
_MAX_CLASSES = 1000
_NAMELESS = ("a", "b")


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelDistribution:
    """K class names and how frequent each is: shares (K,), float64, add up to 1."""

    names: tuple[str, ...]
    shares: np.ndarray

    def counts(self, num_examples: int) -> np.ndarray:
        """Examples of each class, shape (K,), int: near the shares, and enough of each for every split."""
        least = MIN_EXAMPLES_A_CLASS * len(self.names)
        if num_examples < least:
            raise ValueError(
                f"num_examples must be at least {least}, {MIN_EXAMPLES_A_CLASS} for each of {len(self.names)} "
                f"classes, got {num_examples}"
            )
        exact = self.shares * num_examples
        fewest = np.full(len(exact), MIN_EXAMPLES_A_CLASS)
        counts = np.maximum(np.floor(exact).astype(np.int64), fewest)
        return apportioned(exact, counts, total=num_examples, least=fewest, most=np.full(len(exact), num_examples))


def label_column(schema: schema_pb2.Schema, label: str | None) -> str | None:
    """Name of the label's column: the one that was given, else `label`, `target` or `class`.

    Else the only column that some environment expects and another does not; None where the schema describes none of
    these.
    """
    names = [feature.name for feature in schema.feature]
    if label is not None:
        if label not in names:
            raise ValueError(f"label must be one of the schema's columns ({', '.join(names[:20])}), got {label!r}")
        return label
    named = [name for wanted in LABEL_NAMES for name in names if name.casefold() == wanted]
    absentees = serving_absentees(schema)
    return named[0] if named else (absentees[0] if len(absentees) == 1 else None)


def label_distribution(rule: ColumnRule | None, statistics: ColumnStatistics | None) -> LabelDistribution:
    """The classes and how frequent they are; refuses fewer than two, and so many that they are no classes.

    Statistics give the names where the schema lists none, and the balance.
    """
    known = {} if statistics is None else statistics.counts
    names = _names(rule or ColumnRule(name="label"), known)
    weights = np.array([known.get(name, 0.0) for name in names])
    if np.count_nonzero(weights) >= 2:
        # Classes that the schema allows but the data do not have are left out.
        names, weights = [name for name in names if known.get(name)], weights[weights > 0]
    else:
        weights = np.ones(len(names))
    if not 2 <= len(names) <= _MAX_CLASSES:
        raise ValueError(
            f"the label must have 2 to {_MAX_CLASSES} classes, but schema and statistics give {len(names)}"
        )
    return LabelDistribution(names=tuple(names), shares=weights / weights.sum())


def _names(rule: ColumnRule, known: dict[str, float]) -> list[str]:
    if rule.values is not None:
        return list(rule.values)
    if rule.content == "words":
        return sorted(known) or list(_NAMELESS)
    if rule.content == "number":
        raise ValueError(f"the label {rule.name!r} must be classes, texts or whole numbers, but the schema says FLOAT")
    numbers = [name for name in known if re.fullmatch(r"-?[0-9]{1,18}", name)]
    if fitting := [name for name in numbers if rule.within(int(name)) == int(name)]:
        return sorted(fitting, key=int)
    low = int(rule.low) if rule.low is not None else 0
    high = int(rule.high) if rule.high is not None else low + 1
    return [str(number) for number in range(low, min(high, low + _MAX_CLASSES) + 1)]
