"""Are more data likely to help? The learning curve of a cheap probe.

The curve `a - b * n ** -c` is fitted to scores at growing training sizes. Its interval comes from resampling whole
repeats, fewer than there are: repeats draw from the same rows, so a plain bootstrap would be too sure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.data_validation.sufficiency.cheap_probes import class_scores, Matrix, metric_score, Probe, ProbeEffort
from components.data_validation.sufficiency.power_law import (
    Answer,
    fit_power_law,
    Interval,
    PowerLaw,
    quantile_interval,
    reaches,
)
from components.data_validation.sufficiency.predictability import permuted_labels

# Share of the rows that are tested on.
_TEST_SHARE = 0.2
# More data help if doubling them adds this much to the score.
_MATERIAL_GAIN = 0.01
_NUM_RESAMPLES = 300
_SMALLEST_SIZE = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class LearningCurve:
    """Scores of one probe over training sizes, and what they suggest."""

    metric: str
    sizes: tuple[int, ...]  # training rows, ascending
    scores_RS: np.ndarray  # a row a repeat; `nan`: one class in training, or undefined
    null_mean: float  # of the score at the largest size with permuted labels; `nan` where undefined
    null_sd: float
    law: PowerLaw  # fitted to the mean of the repeats
    laws: tuple[PowerLaw, ...]  # fitted to resamples: the law's uncertainty
    more_data_helps: Answer  # whether twice the data add a gain that matters

    @property
    def mean_scores(self) -> tuple[float, ...]:
        """Mean score at every size."""
        return tuple(float(value) for value in np.nanmean(self.scores_RS, axis=0))

    def interval_at(self, num_rows: float) -> Interval:
        """Interval of the score at a number of training rows."""
        return quantile_interval([law.at(num_rows) for law in self.laws])


def learning_curve(
    features: Matrix,
    labels: np.ndarray,
    *,
    probe: Probe,
    metric: str,
    num_available: int | None = None,
    groups: np.ndarray | None = None,
    seed: int,
    effort: ProbeEffort | None = None,
) -> LearningCurve | None:
    """Draw and fit the learning curve of one probe; None where fewer than two sizes could be scored.

    `features` (N, D) may be a sample of the `num_available` training rows from which doubling starts. A group, of
    `groups` (N,), is either trained or tested on. The law is that of C. Cortes et al., "Learning Curves: Asymptotic
    Values and Rate of Convergence", NIPS 1993. The variance of R repeated random splits is `1 / R + test / train` times
    that of one (C. Nadeau and Y. Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003, section
    3), hence the size of the resamples.
    """
    effort = effort or ProbeEffort()
    rng = np.random.default_rng(seed)
    splits = [_split(labels, groups, rng) for _ in range(effort.num_repeats)]
    sizes = _sizes(min(len(train) for train, _ in splits), int(labels.max()) + 1, effort.num_sizes)
    scores_RS = np.array(
        [[_score(features, labels, train[:size], test, probe, metric) for size in sizes] for train, test in splits]
    )
    scored = np.isfinite(scores_RS).sum(axis=0) >= 2
    if scored.sum() < 2:
        return None
    sizes, scores_RS = tuple(np.compress(scored, sizes).tolist()), scores_RS[:, scored]
    null = [
        _score(features, permuted_labels(labels, groups, rng), train[: sizes[-1]], test, probe, metric)
        for train, test in splits
    ]
    defined = np.array(null)[np.isfinite(null)]
    laws = _resampled_laws(sizes, scores_RS, rng)
    rows = num_available or len(labels)
    gains = [law.at(2 * rows) - law.at(rows) for law in laws]
    return LearningCurve(
        metric=metric,
        sizes=sizes,
        scores_RS=scores_RS,
        null_mean=float(np.mean(defined)) if len(defined) else float("nan"),
        null_sd=float(np.std(defined, ddof=1)) if len(defined) > 1 else float("nan"),
        law=fit_power_law(sizes, np.nanmean(scores_RS, axis=0), _weights(scores_RS)),
        laws=laws,
        more_data_helps=reaches(quantile_interval(gains), _MATERIAL_GAIN),
    )


def _split(labels: np.ndarray, groups: np.ndarray | None, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Training rows in an order of which every beginning is a fair sample, and test rows."""
    order = _spread_by_class(labels, rng) if groups is None else _group_by_group(groups, rng)
    num_test = max(1, round(_TEST_SHARE * len(order)))
    if groups is not None:
        # The group at the border goes to the test rows whole.
        while num_test < len(order) and groups[order[num_test]] == groups[order[num_test - 1]]:
            num_test += 1
    return order[num_test:], order[:num_test]


def _spread_by_class(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    places = np.empty(len(labels))
    for number in np.unique(labels):
        rows = np.flatnonzero(labels == number)
        places[rows] = (rng.permutation(len(rows)) + rng.random()) / len(rows)
    return np.argsort(places, kind="stable")


def _group_by_group(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.argsort(rng.permutation(groups.max() + 1)[groups], kind="stable")


def _sizes(largest: int, num_classes: int, num_sizes: int) -> tuple[int, ...]:
    smallest = min(max(_SMALLEST_SIZE, 4 * num_classes), largest // 2)
    return tuple(int(size) for size in np.unique(np.geomspace(max(smallest, 2), largest, num_sizes).round()))


def _score(
    features: Matrix, labels: np.ndarray, train: np.ndarray, test: np.ndarray, probe: Probe, metric: str
) -> float:
    if len(np.unique(labels[train])) < 2:
        return float("nan")
    num_classes = int(labels.max()) + 1
    scores_TK = class_scores(probe, features, labels, train=train, test=test, num_classes=num_classes)
    return metric_score(metric, labels[test], scores_TK)


def _weights(scores_RS: np.ndarray) -> np.ndarray:
    """Inverse variance of each size's mean; a floor keeps a lucky agreement from ruling the fit."""
    variances = np.nanvar(scores_RS, axis=0, ddof=1)
    return 1.0 / (np.where(np.isfinite(variances), variances, np.nanmax(variances)) + 1e-4)


def _resampled_laws(sizes: Sequence[int], scores_RS: np.ndarray, rng: np.random.Generator) -> tuple[PowerLaw, ...]:
    weights = _weights(scores_RS)
    shrunk = 1.0 / (1.0 / len(scores_RS) + _TEST_SHARE / (1.0 - _TEST_SHARE))
    chosen = rng.integers(0, len(scores_RS), (_NUM_RESAMPLES, max(2, round(shrunk))))
    filled_RS = np.where(np.isfinite(scores_RS), scores_RS, np.nanmean(scores_RS, axis=0))
    return tuple(fit_power_law(sizes, filled_RS[rows].mean(axis=0), weights) for rows in chosen)
