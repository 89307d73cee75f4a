"""How a canary goes live: the steps of its traffic, what is tolerated, how rare a false rollback has to be."""

from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt, MinLen

from components.shared.runtime.settings import settings_model

_LARGEST_TOLERATED = 20.0


@settings_model
class CanarySettings:
    """Settings of a canary.

    Attributes
    ----------
    steps
        Percent of the traffic that the canary gets, step by step, rising; after the last one it is promoted.
    requests_a_step
        Requests of the canary that a step needs before the next.
    false_rollback_rate
        Chance that a canary that is no worse is ever rolled back, over all that is watched and however long.
    errors_share
        The part of that chance that errors may have; latency, predictions and accuracy share the rest.
    tolerated_errors, tolerated_latency, tolerated_predictions, tolerated_wrong
        Odds ratios that are no matter: of an error, of a slow answer, of each class, of a wrong answer. A new model
        answers otherwise than the old one by design, and its pods are no copies of the others: so some is tolerated
        of predictions and latency.
    slow_quantile
        An answer is slow where it took longer than this quantile of the stable side's answers before.
    """

    steps: Annotated[tuple[Annotated[int, Ge(1), Le(100)], ...], MinLen(1)] = (5, 20, 50)
    requests_a_step: Annotated[int, Ge(1)] = 300
    false_rollback_rate: Annotated[float, Gt(0), Lt(0.5)] = 0.05
    errors_share: Annotated[float, Gt(0), Lt(1)] = 0.8
    tolerated_errors: Annotated[float, Ge(1), Le(_LARGEST_TOLERATED)] = 1.0
    tolerated_latency: Annotated[float, Ge(1), Le(_LARGEST_TOLERATED)] = 2.0
    tolerated_predictions: Annotated[float, Ge(1), Le(_LARGEST_TOLERATED)] = 1.5
    tolerated_wrong: Annotated[float, Ge(1), Le(_LARGEST_TOLERATED)] = 1.0
    slow_quantile: Annotated[float, Gt(0), Lt(1)] = 0.9

    def __post_init__(self) -> None:
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"steps must rise, got {', '.join(map(str, self.steps))}")
