"""How many labels by a model are wrong, by what people said of rows that were drawn at random from the pool.

Shapes: A audited rows, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np

from components.drift.share_intervals import wilson_interval


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AuditedRows:
    """Rows drawn at random that a person labelled afterwards.

    Attributes
    ----------
    labels, predicted
        Shape (A,), int: what the person said, and what the model had said without having seen that.
    sureness
        Shape (A,): the model's own probability of its answer, as the predictions table has it.
    """

    labels: np.ndarray
    predicted: np.ndarray
    sureness: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseRate:
    """The share of wrong labels, 0 to 1, with its 95 % Wilson interval; all `nan` where no row was audited."""

    name: str
    num_audited: int
    num_wrong: int
    share: float
    low: float
    high: float

    @property
    def is_known(self) -> bool:
        """Whether there is an audit of such labels."""
        return self.num_audited > 0


def noise_rates(audited: AuditedRows, floors: np.ndarray, class_names: Sequence[str]) -> list[NoiseRate]:
    """Noise of labels as sure as those that are proposed, overall and by the class that the model gives.

    The second view is not asked about audited rows, so the labels that it lets through may be cleaner than this.

    Parameters
    ----------
    floors
        Shape (K,): how sure the least sure label of each class is; infinite where there is none.
    class_names
        K names.
    """
    is_alike = audited.sureness >= floors[audited.predicted] if len(audited.labels) else np.zeros(0, bool)
    is_wrong = audited.labels != audited.predicted
    found = [_rate("all", is_wrong[is_alike])]
    for label, name in enumerate(class_names):
        found.append(_rate(name, is_wrong[is_alike & (audited.predicted == label)]))
    return found


def _rate(name: str, is_wrong: np.ndarray) -> NoiseRate:
    low, high = wilson_interval(float(is_wrong.sum()), len(is_wrong))
    share = float(is_wrong.mean()) if len(is_wrong) else math.nan
    return NoiseRate(
        name=name, num_audited=len(is_wrong), num_wrong=int(is_wrong.sum()), share=share, low=low, high=high
    )
