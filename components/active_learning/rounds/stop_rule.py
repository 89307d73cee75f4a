"""Whether another batch of labels is worth its price.

Shapes: S seeds, R sizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import Literal

import numpy as np

from components.active_learning.rounds.label_savings import mean_interval, MeanInterval

Advice = Literal["go on", "stop", "unsure", "no price"]
# The slope is read off the last rounds: earlier ones gained more.
_ROUNDS_READ = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class NextBatch:
    """What another batch is expected to bring.

    Attributes
    ----------
    num_labels
        Labels of the batch.
    gain
        Accuracy that it brings, with its 95 % interval; 0.01 is a point.
    advice
        `stop`: not worth its price even at the upper end; `go on`: worth it even at the lower end; `unsure`: in
        between; `no price`: nothing to weigh it against.
    reason
        The advice in a sentence.
    """

    num_labels: int
    gain: MeanInterval
    advice: Advice
    reason: str

    @property
    def points_a_label(self) -> MeanInterval:
        """Points of accuracy that a label brings."""
        share = 100.0 / self.num_labels
        return MeanInterval(mean=self.gain.mean * share, low=self.gain.low * share, high=self.gain.high * share)


def next_batch(
    gain: MeanInterval, num_labels: int, *, price_a_label: float | None, value_a_point: float | None
) -> NextBatch:
    """Weigh a gain against its price.

    Parameters
    ----------
    gain
        Of accuracy, by `num_labels` labels; its ends may be `nan`: then nothing is sure.
    price_a_label, value_a_point
        In one currency, above 0; None where not known.

    Raises
    ------
    ValueError
        If only one of the two is given, or one is not above 0.
    """
    if (price_a_label is None) != (value_a_point is None):
        raise ValueError("the price of a label and the value of a point must be given together, but one is missing")
    found = f"{num_labels:,} labels more bring {100 * gain.mean:+.2f} points ({_points(gain)})"
    if price_a_label is None or value_a_point is None:
        return NextBatch(num_labels=num_labels, gain=gain, advice="no price", reason=f"{found}; no price was given.")
    if not (price_a_label > 0 and value_a_point > 0):
        raise ValueError(f"prices must be above 0, got {price_a_label} a label and {value_a_point} a point")
    price = price_a_label * num_labels
    low, high = (100 * value_a_point * end for end in (gain.low, gain.high))
    weighed = f"{found}, worth {100 * value_a_point * gain.mean:,.6g} in the mean, and cost {price:,.6g}"
    if high < price:
        return NextBatch(num_labels=num_labels, gain=gain, advice="stop", reason=f"{weighed}: not worth its price.")
    if low >= price:
        return NextBatch(num_labels=num_labels, gain=gain, advice="go on", reason=f"{weighed}: worth its price.")
    return NextBatch(num_labels=num_labels, gain=gain, advice="unsure", reason=f"{weighed}: it may be worth its price.")


def expected_gain(sizes: Sequence[int], accuracies: np.ndarray, num_labels: int) -> MeanInterval:
    """Accuracy that `num_labels` labels more would bring, from the last rounds of simulations.

    Each seed's curve is a straight line over the logarithm of the labels there; the interval is over the seeds.

    Parameters
    ----------
    sizes
        R numbers of labels, ascending.
    accuracies
        Shape (S, R).

    Returns
    -------
    MeanInterval
        `nan` with fewer than two sizes.

    References
    ----------
    Learning curves are steep at first and flat later, so that a line over labels would promise too much: T. Viering,
    M. Loog, "The Shape of Learning Curves: a Review", IEEE TPAMI 45 (2023), arXiv:2103.10948.
    """
    read = slice(max(len(sizes) - _ROUNDS_READ, 0), None)
    logs = np.log(np.asarray(sizes[read], np.float64))
    if len(logs) < 2:
        return MeanInterval(mean=math.nan, low=math.nan, high=math.nan)
    centred = logs - logs.mean()
    slopes = accuracies[:, read] @ centred / (centred @ centred)
    return mean_interval(slopes * math.log1p(num_labels / sizes[-1]))


def _points(gain: MeanInterval) -> str:
    if math.isnan(gain.low):
        return "how sure that is cannot be said"
    return f"{100 * gain.low:+.2f} to {100 * gain.high:+.2f} with 95 % confidence"
