"""How rare a false alarm has to be, and how large a difference has to be to matter."""

from dataclasses import dataclass
import math

_FEWEST_ROWS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftSettings:
    """The two keys of an alarm, significance and materiality, and the sample that they need.

    Attributes
    ----------
    false_alarm_rate
        Chance that anything at all is called significant in a run without drift, all comparisons counted.
    material_effect
        Share of a feature's rows that must lie differently for its drift to matter. The default, 0.08, is Cohen's
        small effect: two normal distributions 0.2 standard deviations apart have a Kolmogorov-Smirnov distance of
        2 Phi(0.1) - 1 = 0.08.
    material_missing
        Difference of the shares of missing values that matters.
    material_joint
        Separation (2 AUC - 1), by a classifier that sees all columns at once, that matters. The default, 0.15, stands
        for 0.27 standard deviations along its best direction: somewhat above the bound of one column, since a
        classifier adds up a little from every column.
    min_sample
        Rows that each side must have, 16 or more; with fewer, nothing is tested.
    num_permutations
        At least 1 / `false_alarm_rate` - 1, or nothing could ever be significant.
    seed
        Of the permutations, the random blocks and the joint features; 0 or more.
    """

    false_alarm_rate: float = 0.05
    material_effect: float = 0.08
    material_missing: float = 0.05
    material_joint: float = 0.15
    min_sample: int = 200
    num_permutations: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.false_alarm_rate < 1.0:
            raise ValueError(f"false_alarm_rate must lie between 0 and 1, got {self.false_alarm_rate!r}")
        for name in ("material_effect", "material_missing", "material_joint"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be 0 to 1, got {getattr(self, name)!r}")
        if self.min_sample < _FEWEST_ROWS:
            raise ValueError(f"min_sample must be at least {_FEWEST_ROWS}, got {self.min_sample!r}")
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed!r}")
        fewest = math.ceil(1 / self.false_alarm_rate - 1 - 1e-9)
        if self.num_permutations < fewest:
            raise ValueError(
                f"num_permutations must be at least {fewest} for a false_alarm_rate of {self.false_alarm_rate}, "
                f"got {self.num_permutations!r}"
            )
