"""A model beside cheap ones: the difference of the target's metric on the same test examples, and what was bounded."""

from dataclasses import asdict, dataclass, replace
import math
from typing import Any

import numpy as np

from components.drift.paired_shares import PairedDifference
from components.model_analysis.gate.answered_pair import ClassPair, NumberPair
from components.shared.runtime.json_values import without_nan

_LEVEL = 0.025


@dataclass(frozen=True, kw_only=True, slots=True)
class Opponent:
    """A cheap model, or a constant answer.

    Attributes
    ----------
    name
        What it is and what it sees, in words: `gradient-boosted trees on the same 17 columns`.
    found
        The model as challenger, the cheap one as champion: the difference is positive where the model is better.
    p_value
        The chance of a model at least this much better where the two are equally good; one-sided, 0 to 1.
    """

    name: str
    found: PairedDifference
    p_value: float

    @property
    def is_beaten(self) -> bool:
        """Whether the model is better by more than chance: the 95 % interval and the test at 2.5 % say so."""
        return self.found.low > 0.0 and self.p_value < _LEVEL

    @property
    def is_better(self) -> bool:
        """Whether the cheap model is better than the model by more than chance."""
        return self.found.high < 0.0 and self.found.p_value < _LEVEL

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON values, `nan` as null."""
        values = asdict(self.found)
        renamed = {"model": values["challenger"], "baseline": values["champion"]}
        renamed |= {key: values[key] for key in ("difference", "low", "high")}
        numbers = without_nan(renamed)
        return {"name": self.name, "num_examples": self.found.num_examples, **numbers, "is_beaten": self.is_beaten}


def opponent(name: str, pair: ClassPair | NumberPair, metric: str, rows: np.ndarray) -> Opponent:
    """A model, the challenger of `pair`, beside a cheap one on the examples that the mask `rows`, shape (N,), picks.

    Shares have the exact test of `paired_shares`, the other metrics Student's t.
    """
    found = pair.compare(metric, rows)
    if metric not in ("accuracy", "recall"):
        return Opponent(name=name, found=found, p_value=1.0 - found.p_value)
    turned = replace(pair, challenger=pair.champion, champion=pair.challenger)
    if isinstance(turned, ClassPair) and turned.thresholds is not None:
        turned = replace(turned, thresholds=turned.thresholds[::-1])
    return Opponent(name=name, found=found, p_value=turned.compare(metric, rows).p_value)


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineComparison:
    """What cheap models reach beside the model.

    Attributes
    ----------
    metric
        The target's.
    cheap
        The cheap model that is judged by, chosen on the validation split; None where there is none.
    others
        Other cheap models.
    constant
        Always giving the same answer; None where a threshold is asked for.
    num_train
        Training rows that it learnt from.
    bounds
        What was left out to bound the cost, a sentence each.
    why_none
        A clause where nothing was compared; else empty.
    """

    metric: str
    cheap: Opponent | None = None
    others: tuple[Opponent, ...] = ()
    constant: Opponent | None = None
    num_train: int = 0
    bounds: tuple[str, ...] = ()
    why_none: str = ""

    @property
    def judged(self) -> Opponent | None:
        """What the verdict speaks of: the cheap model, or where only that one is beaten, the constant answer."""
        if self.cheap is None or self.constant is None or self.constant.is_beaten or not self.cheap.is_beaten:
            return self.cheap
        return self.constant

    def metrics(self) -> dict[str, float]:
        """What the KFP UI shows: the cheap model's metric, and the difference with its interval; none if undefined."""
        if self.cheap is None:
            return {}
        found = self.cheap.found
        named = {
            f"baseline_{self.metric}": found.champion,
            "baseline_difference": found.difference,
            "baseline_difference_low": found.low,
            "baseline_difference_high": found.high,
        }
        return {name: value for name, value in named.items() if math.isfinite(value)}

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON values."""
        return {
            "metric": self.metric,
            "cheap_model": None if self.cheap is None else self.cheap.to_json(),
            "others": [item.to_json() for item in self.others],
            "constant": None if self.constant is None else self.constant.to_json(),
            "num_train": self.num_train,
            "bounds": list(self.bounds),
            "why_none": self.why_none or None,
        }
