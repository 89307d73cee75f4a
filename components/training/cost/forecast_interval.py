"""What an epoch of a training costs, with the interval that the measured epochs' spread gives.

An epoch costs so much an example learnt from, so much an example held out, and so much whatever their number. All three
come from the epochs after the first, which warms up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np

from components.training.cost.forecast import Estimate
from components.training.cost.step_meter import EpochCosts

# Of the cost: the same steps differ by so much under another load of the machine.
_SMALLEST_SPREAD = 0.1
_STANDARD_ERRORS = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochCost:
    """Costs of an example learnt from, of one held out, and of the rest of an epoch, with their standard errors.

    Every cost is seconds and processor seconds, shape (2,).
    """

    example: np.ndarray
    held_out: np.ndarray
    rest: np.ndarray
    example_error: np.ndarray
    held_out_error: np.ndarray
    rest_error: np.ndarray

    def of(self, num_examples: float, num_held_out: float) -> tuple[Estimate, Estimate]:
        """Seconds, and processor seconds, of an epoch of so many examples."""
        central = num_examples * self.example + num_held_out * self.held_out + self.rest
        parts = [num_examples * self.example_error, num_held_out * self.held_out_error, self.rest_error]
        spread = _STANDARD_ERRORS * np.sqrt(np.sum(np.square(parts), axis=0))
        spread = np.maximum(spread, _SMALLEST_SPREAD * central)
        low = np.maximum(central - spread, 0.0)
        first, second = (
            Estimate(low=float(low[clock]), central=float(central[clock]), high=float((central + spread)[clock]))
            for clock in range(2)
        )
        return first, second


def epoch_cost(epochs: Sequence[EpochCosts], totals: np.ndarray) -> EpochCost:
    """Divide what E epochs took, shape (E, 2), among their examples; without the epoch that warms up."""
    example, example_error = _per_example([epoch.steps for epoch in epochs])
    held_out, held_out_error = _per_example([epoch.held_out for epoch in epochs])
    numbers = np.array([[_num(epoch.steps), _num(epoch.held_out)] for epoch in epochs], np.float64)
    rests = np.maximum(totals - numbers @ np.stack([example, held_out]), 0.0)
    return EpochCost(
        example=example,
        held_out=held_out,
        rest=rests.mean(axis=0),
        example_error=example_error,
        held_out_error=held_out_error,
        rest_error=_standard_error(rests),
    )


def _num(batches: Sequence[tuple[int, np.ndarray]]) -> int:
    return sum(number for number, _ in batches)


def _per_example(batches_of_epochs: Sequence[Sequence[tuple[int, np.ndarray]]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean cost of an example and its standard error, shape (2,) each; the first batch of an epoch sets things up."""
    batches = [batch for epoch in batches_of_epochs for batch in (epoch[1:] if len(epoch) > 1 else epoch)]
    if not batches:
        return np.zeros(2), np.zeros(2)
    costs = np.stack([cost for _, cost in batches])
    mean = costs.sum(axis=0) / _num(batches)
    return mean, _standard_error(np.stack([cost / number for number, cost in batches]))


def _standard_error(values_N2: np.ndarray) -> np.ndarray:
    if len(values_N2) < 2:
        return np.zeros(2)
    return np.asarray(values_N2.std(axis=0, ddof=1) / math.sqrt(len(values_N2)))
