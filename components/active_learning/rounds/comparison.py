"""A strategy beside random sampling at the same budget: curves, labels saved, and whether to go on.

Shapes: S seeds, R sizes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
import math
from typing import Any

import numpy as np

from components.active_learning.label_requests import Strategy
from components.active_learning.rounds.label_savings import label_ratio, LabelRatio, mean_interval, MeanInterval
from components.active_learning.rounds.labelled_rows import LabelledRows
from components.active_learning.rounds.simulated_rounds import learning_curve, RoundsSettings
from components.active_learning.rounds.stop_rule import expected_gain, next_batch, NextBatch

AT_RANDOM: Mapping[Strategy, float] = {"random": 1.0}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RoundsComparison:
    """What rounds with an oracle found.

    Attributes
    ----------
    shares
        Of the strategy.
    sizes
        R numbers of labels that the pool is large enough for.
    chosen, at_random
        Shape (S, R): accuracy of the strategy and of random sampling, paired by seed.
    ratio
        Labels for random sampling's accuracy at the last size.
    next_batch
        What another batch by the strategy is expected to bring.
    """

    shares: Mapping[Strategy, float]
    sizes: tuple[int, ...]
    chosen: np.ndarray
    at_random: np.ndarray
    ratio: LabelRatio
    next_batch: NextBatch

    @property
    def gain(self) -> MeanInterval:
        """Accuracy above random sampling's at the last size, paired by seed."""
        return mean_interval(self.chosen[:, -1] - self.at_random[:, -1])

    @property
    def verdict(self) -> str:
        """Whether the strategy saves labels, in a sentence."""
        ratio = self.ratio
        reached = (
            f"the accuracy {ratio.target:.4f}, for which random sampling needs {ratio.labels_at_random:,.0f} labels"
        )
        if not math.isfinite(ratio.labels):
            if ratio.low < 1.0:
                return f"The strategy does not reach {reached}: that it saves labels is not shown."
            return f"The strategy does not reach {reached}: it saves no labels here."
        found = f"The strategy reaches {reached}, with {ratio.labels:,.0f}: a ratio of {ratio.ratio:.2f}"
        if math.isnan(ratio.low):
            return f"{found}, of one seed; how sure that is cannot be said."
        interval = f"{ratio.low:.2f} to {_high(ratio.high)} with 95 % confidence"
        if ratio.high < 1.0:
            return f"{found}, {interval}: it saves labels."
        return f"{found}, {interval}: that it saves labels is not shown."

    def to_dict(self) -> dict[str, Any]:
        """As JSON; what is undefined is `nan`."""
        return {
            "shares": dict(self.shares),
            "sizes": list(self.sizes),
            "accuracies": {"strategy": self.chosen.tolist(), "random": self.at_random.tolist()},
            "means": {
                name: [asdict(each) for each in intervals_of(curves)]
                for name, curves in (("strategy", self.chosen), ("random", self.at_random))
            },
            "gain": asdict(self.gain),
            "label_ratio": asdict(self.ratio),
            "next_batch": asdict(self.next_batch),
            "verdict": self.verdict,
        }


def intervals_of(curves: np.ndarray) -> list[MeanInterval]:
    """Mean and interval at each size of curves (S, R)."""
    return [mean_interval(curves[:, place]) for place in range(curves.shape[1])]


def compared_rounds(
    rows: LabelledRows,
    shares: Mapping[Strategy, float],
    settings: RoundsSettings,
    *,
    seeds: Sequence[int],
    price_a_label: float | None = None,
    value_a_point: float | None = None,
    told: Callable[[], object] = lambda: None,
) -> RoundsComparison:
    """Buy labels by a strategy and at random, from the same starts.

    Parameters
    ----------
    rows
        What can be asked about.
    shares, settings
        Of the strategy, and how labels are bought.
    seeds
        One run of each a seed.
    price_a_label, value_a_point
        In one currency; None where not known.
    told
        Called after each of the 2 S runs.

    Raises
    ------
    ValueError
        If the pool has fewer rows than one round needs.
    """
    curves: list[list[np.ndarray]] = [[], []]
    for seed in seeds:
        for place, mix in enumerate((shares, AT_RANDOM)):
            curves[place].append(learning_curve(rows, mix, settings, seed=seed))
            told()
    chosen, at_random = (np.array(each) for each in curves)
    known = np.isfinite(chosen).all(axis=0) & np.isfinite(at_random).all(axis=0)
    if known.sum() < 2:
        raise ValueError(
            f"the pool must have more than the {settings.start_labels} labels of the start and a batch of "
            f"{settings.batch}, got {len(rows)} labelled training rows: start with fewer, or buy smaller batches"
        )
    sizes = tuple(size for size, is_known in zip(settings.sizes, known.tolist(), strict=True) if is_known)
    chosen, at_random = chosen[:, known], at_random[:, known]
    gain = expected_gain(sizes, chosen, settings.batch)
    return RoundsComparison(
        shares=shares,
        sizes=sizes,
        chosen=chosen,
        at_random=at_random,
        ratio=label_ratio(sizes, chosen, at_random),
        next_batch=next_batch(gain, settings.batch, price_a_label=price_a_label, value_a_point=value_a_point),
    )


def _high(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "more than 1"
