"""A model beside cheap ones: the difference of the target's metric on the same test examples, and what was bounded."""

from dataclasses import asdict, dataclass
import math
from typing import Any

from components.model_analysis.gate.paired_comparison import PairedDifference


@dataclass(frozen=True, kw_only=True, slots=True)
class Opponent:
    """A cheap model, or a constant answer.

    Attributes
    ----------
    name
        What it is and what it sees, in words: `gradient-boosted trees on the same 17 columns`.
    found
        The model as challenger, the cheap one as champion: the difference is positive where the model is better.
    """

    name: str
    found: PairedDifference

    @property
    def is_beaten(self) -> bool:
        """Whether the model is better by more than chance: the 95 % interval of the difference lies above 0."""
        return self.found.low > 0.0

    @property
    def is_better(self) -> bool:
        """Whether the cheap model is better than the model by more than chance."""
        return self.found.high < 0.0

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON values, `nan` as null."""
        values = asdict(self.found)
        renamed = {"model": values["challenger"], "baseline": values["champion"]}
        renamed |= {key: values[key] for key in ("difference", "low", "high")}
        numbers = {key: value if math.isfinite(value) else None for key, value in renamed.items()}
        return {"name": self.name, "num_examples": self.found.num_examples, **numbers, "is_beaten": self.is_beaten}


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
        Other cheap models, and always giving the same answer.
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
    num_train: int = 0
    bounds: tuple[str, ...] = ()
    why_none: str = ""

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
            "num_train": self.num_train,
            "bounds": list(self.bounds),
            "why_none": self.why_none or None,
        }
