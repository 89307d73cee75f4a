"""The judge of a canary: after each block of requests, go on, promote, or roll back, with the reason.

It may look as often as it likes: its tests are anytime-valid (`components.drift.sequential_counts`), so a canary that
is no worse is rolled back with the stated chance at most, over all that is watched together (the chances add up).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math
from typing import Any, Literal

from components.deployment.canary.side_counts import SideCounts
from components.drift.sequential_counts import BlockCounts, MoreOnCanary, OtherShares
from components.shared.contracts.canary_settings import CanarySettings

Action = Literal["wait", "next step", "promote", "roll back"]
Watched = Literal["errors", "latency", "predictions", "accuracy"]
# Of the chance that is not for errors: two fifths each for latency and predictions, a fifth for labels.
_SHARES_BESIDE_ERRORS: Mapping[Watched, float] = {"latency": 0.4, "predictions": 0.4, "accuracy": 0.2}
# A stable side with fewer answers than this has no quantile to hold others against.
_FEWEST_TIMED = 20
_OTHERS = "another one"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What to do now.

    Attributes
    ----------
    action
        `wait`: as it is; `next step`: more traffic; `promote` and `roll back` are the end.
    percent
        The canary's share of the traffic from now on: 100 once it is promoted, 0 once it is rolled back.
    reason
        Why, one sentence.
    """

    action: Action
    percent: int
    reason: str


class CanaryJudge:
    """Watches two sides block by block.

    Parameters
    ----------
    settings
        Steps, tolerances and chances.
    class_names
        The classes that answers can be of, or the ranges of a number; answers of others count together.
    """

    def __init__(self, settings: CanarySettings, class_names: Sequence[str]) -> None:
        self._settings = settings
        self._errors = MoreOnCanary(tolerated=settings.tolerated_errors)
        self._slow = MoreOnCanary(tolerated=settings.tolerated_latency)
        self._wrong = MoreOnCanary(tolerated=settings.tolerated_wrong)
        self._classes = tuple(dict.fromkeys([*class_names, _OTHERS]))
        self._predictions = OtherShares(self._classes, tolerated=settings.tolerated_predictions)
        self._step = 0
        self._in_step = 0
        self.canary, self.stable = SideCounts(), SideCounts()

    @property
    def percent(self) -> int:
        """The canary's share of the traffic in this step."""
        return self._settings.steps[self._step]

    @property
    def evidence(self) -> dict[Watched, float]:
        """Natural logarithm of the evidence that the canary is worse, by what is watched."""
        return {
            "errors": self._errors.log_evidence,
            "latency": self._slow.log_evidence,
            "predictions": self._predictions.log_evidence,
            "accuracy": self._wrong.log_evidence,
        }

    @property
    def bounds(self) -> dict[Watched, float]:
        """What each evidence must reach for a rollback, natural logarithm."""
        rate, for_errors = self._settings.false_rollback_rate, self._settings.errors_share
        beside = {name: (1 - for_errors) * share for name, share in _SHARES_BESIDE_ERRORS.items()}
        shares: dict[Watched, float] = {"errors": for_errors, **beside}
        return {name: -math.log(rate * share) for name, share in shares.items()}

    def judge(self, canary: SideCounts, stable: SideCounts) -> Decision:
        """Take in one block of both sides, of the same time, and decide."""
        self._take_in(canary, stable)
        bounds = self.bounds
        worst = max(self.evidence, key=lambda name: self.evidence[name] - bounds[name])
        if self.evidence[worst] >= bounds[worst]:
            return Decision(action="roll back", percent=0, reason=self._why(worst))
        self._in_step += canary.requests
        needed = self._settings.requests_a_step
        if self._in_step < needed:
            return Decision(
                action="wait", percent=self.percent, reason=f"{self._in_step} of {needed} requests of this step"
            )
        if self._step + 1 < len(self._settings.steps):
            self._step, self._in_step = self._step + 1, 0
            return Decision(
                action="next step",
                percent=self.percent,
                reason=f"nothing speaks against it after {self.canary.requests:,} requests",
            )
        return Decision(
            action="promote",
            percent=100,
            reason=f"nothing spoke against it in {self.canary.requests:,} requests, beside {self.stable.requests:,} of "
            "the stable release",
        )

    def state(self) -> dict[str, Any]:
        """All that it has seen, as JSON values: a judge that is killed goes on from here."""
        return {
            "step": self._step,
            "in_step": self._in_step,
            "errors": self._errors.state(),
            "slow": self._slow.state(),
            "wrong": self._wrong.state(),
            "predictions": self._predictions.state(),
            "canary": self.canary.written(),
            "stable": self.stable.written(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`; ValueError if it is of other steps or classes."""
        if not 0 <= state["step"] < len(self._settings.steps):
            raise ValueError(f"the state must be of one of {len(self._settings.steps)} steps, got {state['step'] + 1}")
        self._predictions.restore(state["predictions"])
        self._errors.restore(state["errors"])
        self._slow.restore(state["slow"])
        self._wrong.restore(state["wrong"])
        self._step, self._in_step = state["step"], state["in_step"]
        self.canary, self.stable = SideCounts.read(state["canary"]), SideCounts.read(state["stable"])

    def _take_in(self, canary: SideCounts, stable: SideCounts) -> None:
        self._errors.add(BlockCounts(canary.requests, stable.requests, canary.errors, stable.errors))
        self._wrong.add(BlockCounts(canary.labelled, stable.labelled, canary.wrong, stable.wrong))
        self._predictions.add(self._known(canary.predictions), self._known(stable.predictions))
        # What is slow is said by the blocks before, or it would fit this one.
        if (bound := self._slow_bound()) is not None:
            self._slow.add(
                BlockCounts(canary.timed, stable.timed, canary.slower_than(bound), stable.slower_than(bound))
            )
        self.canary, self.stable = self.canary + canary, self.stable + stable

    def _slow_bound(self) -> float | None:
        """Seconds above which an answer is slow; None while too few have been seen."""
        if self.stable.timed < _FEWEST_TIMED:
            return None
        seen = 0
        for upper in sorted(self.stable.seconds):
            seen += self.stable.seconds[upper]
            if seen >= self._settings.slow_quantile * self.stable.timed:
                return upper
        raise AssertionError("the last bucket holds all")

    def _known(self, predictions: Mapping[str, int]) -> Counter[str]:
        known: Counter[str] = Counter()
        for name, count in predictions.items():
            known[name if name in self._classes else _OTHERS] += count
        return known

    def _why(self, worst: Watched) -> str:
        one, other = self.canary, self.stable
        if worst == "errors":
            said = f"errors: {_share(one.errors, one.requests)} against {_share(other.errors, other.requests)}"
        elif worst == "accuracy":
            said = f"wrong answers: {_share(one.wrong, one.labelled)} against {_share(other.wrong, other.labelled)}"
        elif worst == "latency":
            bound = self._slow_bound()
            assert bound is not None
            slow = [_share(side.slower_than(bound), side.timed) for side in (one, other)]
            said = f"latency: {slow[0]} took more than {bound:g} s, against {slow[1]}"
        else:
            name = self._predictions.strongest
            shares = [
                _share(known[name], known.total())
                for known in (self._known(one.predictions), self._known(other.predictions))
            ]
            said = f"predictions: {shares[0]} are {name!r}, against {shares[1]}"
        odds = self._settings.false_rollback_rate
        return f"{said} of the stable release; by chance at most {odds:.0%} of equal canaries are rolled back"


def _share(count: int, total: int) -> str:
    return f"{count:,} of {total:,} ({count / total:.1%})" if total else "0 of 0"
