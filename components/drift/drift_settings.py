"""How rare a false alarm has to be, and how large a difference has to be to matter."""

import math
from typing import Annotated

from annotated_types import Ge, Gt, Lt

from components.shared.runtime.settings import settings_model, Share

_FEWEST_ROWS = 16


@settings_model
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

    false_alarm_rate: Annotated[float, Gt(0), Lt(1)] = 0.05
    material_effect: Share = 0.08
    material_missing: Share = 0.05
    material_joint: Share = 0.15
    min_sample: Annotated[int, Ge(_FEWEST_ROWS)] = 200
    num_permutations: Annotated[int, Ge(1)] = 1000
    seed: Annotated[int, Ge(0)] = 0

    def __post_init__(self) -> None:
        fewest = math.ceil(1 / self.false_alarm_rate - 1 - 1e-9)
        if self.num_permutations < fewest:
            raise ValueError(
                f"num_permutations must be at least {fewest} for a false_alarm_rate of {self.false_alarm_rate}, "
                f"got {self.num_permutations!r}"
            )
