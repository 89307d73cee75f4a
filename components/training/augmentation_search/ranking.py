"""Ranks augmentation policies by repeated trainings, and says which of them can be told apart.

Every policy was trained with the same seeds and judged on the same validation rows. What a policy scores is uncertain
in two ways: another seed would train another network, and other rows would judge it. Each gives half an interval's
width, and the two are added in quadrature, which counts what they share twice and so errs on the side of "not
distinguishable". Differences are taken within seed and row, so that what is hard for all policies cancels out. With few
seeds a policy's own spread is a poor guide: for differences it is pooled over all policies (the residual of policies by
seeds).
Bonferroni's correction lets every pair be looked at.

Shapes: P policies, R seeds, N rows.

References
----------
G. Y. Zou and A. Donner, "Construction of confidence limits about effect measures: a general approach", Statistics in
Medicine 27, 2008: widths of independent parts added in quadrature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A figure and the confidence interval that it lies in."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedAugmentationPolicy:
    """An augmentation policy's place; the first is 0 behind itself, and tied with itself."""

    name: str
    score: Interval
    behind: Interval  # behind the first; the interval holds for all pairs together
    is_tied: bool  # cannot be told from the first


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """Augmentation policies from the best mean score to the worst, the one to train with, and why."""

    policies: tuple[RankedAugmentationPolicy, ...]
    winner: str
    reason: str


def ranking(scores: Mapping[str, np.ndarray], *, kept: str, bounds: tuple[float, float] = (-np.inf, np.inf)) -> Ranking:
    """Rank augmentation policies by their scores, shape (R, N) each, R and N 2 or more: higher is better.

    All have the same seeds and rows; among equals their order decides. `kept` stays where no other is clearly better;
    `bounds` are the lowest and the highest score that there can be.
    """
    _check(scores, kept)
    order = sorted(scores, key=lambda name: -float(scores[name].mean()))
    first = order[0]
    num_pairs = len(scores) * (len(scores) - 1) // 2
    spread = _pooled_spread([*scores.values()])
    level = 1.0 - (1.0 - LEVEL) / num_pairs
    behind = {name: _interval(scores[first] - scores[name], spread, level=level) for name in order[1:]}
    own = {
        name: _within(_interval(values, _own_spread(values), level=LEVEL), bounds) for name, values in scores.items()
    }
    ranked = [RankedAugmentationPolicy(name=first, score=own[first], behind=_NONE, is_tied=True)] + [
        RankedAugmentationPolicy(name=name, score=own[name], behind=lag, is_tied=lag.low <= 0.0)
        for name, lag in behind.items()
    ]
    winner = first if first == kept or behind[kept].low > 0.0 else kept
    return Ranking(policies=tuple(ranked), winner=winner, reason=_reason(ranked, winner, kept))


_NONE = Interval(mean=0.0, low=0.0, high=0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Spread:
    """Variance of one seed's mean about the mean of all seeds, with its degrees of freedom."""

    variance: float
    freedom: int


def _own_spread(values_RN: np.ndarray) -> _Spread:
    return _Spread(variance=float(values_RN.mean(axis=1).var(ddof=1)), freedom=len(values_RN) - 1)


def _pooled_spread(scores: Sequence[np.ndarray]) -> _Spread:
    """Spread of a difference of two policies: twice the residual variance of policies by seeds."""
    means_PR = np.array([values_RN.mean(axis=1) for values_RN in scores])
    residuals_PR = means_PR - means_PR.mean(axis=0) - means_PR.mean(axis=1, keepdims=True) + means_PR.mean()
    freedom = (means_PR.shape[0] - 1) * (means_PR.shape[1] - 1)
    return _Spread(variance=2.0 * float((residuals_PR**2).sum()) / freedom, freedom=freedom)


def _interval(values_RN: np.ndarray, spread: _Spread, *, level: float) -> Interval:
    num_seeds, num_rows = values_RN.shape
    mean = float(values_RN.mean())
    quantile = 0.5 + level / 2.0
    by_seeds = student_t.ppf(quantile, spread.freedom) * (spread.variance / num_seeds) ** 0.5
    by_rows = student_t.ppf(quantile, num_rows - 1) * (values_RN.mean(axis=0).var(ddof=1) / num_rows) ** 0.5
    half = float(np.hypot(by_seeds, by_rows))
    return Interval(mean=mean, low=mean - half, high=mean + half)


def _within(interval: Interval, bounds: tuple[float, float]) -> Interval:
    low, high = bounds
    return Interval(mean=interval.mean, low=max(interval.low, low), high=min(interval.high, high))


def _reason(ranked: Sequence[RankedAugmentationPolicy], winner: str, kept: str) -> str:
    first = ranked[0].name
    tied = [policy.name for policy in ranked if policy.is_tied]
    if len(tied) == len(ranked):
        return f"no policy is distinguishable from another with these trainings: {kept} stays"
    if winner != first:
        return f"{kept} stays: {first} came first, but is not distinguishable from it"
    others = [name for name in tied if name != first]
    if others:
        return f"{first} came first; {', '.join(others)} cannot be told from it, the others are worse"
    return f"{first} is better than every other policy"


def _check(scores: Mapping[str, np.ndarray], kept: str) -> None:
    if len(scores) < 2:
        raise ValueError(f"a ranking must have two policies or more, got {len(scores)}")
    if kept not in scores:
        raise ValueError(f"the policy that is kept must be one of {', '.join(scores)}, got {kept!r}")
    shapes = {name: values.shape for name, values in scores.items()}
    first = next(iter(shapes.values()))
    for name, shape in shapes.items():
        if len(shape) != 2 or min(shape) < 2 or shape != first:
            raise ValueError(
                f"scores must have the shape (seeds, rows), 2 or more each, the same for all policies; "
                f"got {shape} for {name} and {first}"
            )
