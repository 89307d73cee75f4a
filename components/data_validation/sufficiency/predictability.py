"""Is the label predictable from these features at all? Cheap probes against a permuted-label null.

The score is the ROC AUC of class against rest, averaged over classes and folds: 0.5 by chance whatever the classes'
shares, so that an imbalance cannot pass for a relation, and in need of no decision threshold. The null repeats the
whole procedure, choice of the best probe included, on permuted labels, so that choosing costs no honesty.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from components.data_validation.sufficiency.cheap_probes import (
    class_scores,
    CONFIDENCE,
    macro_roc_auc,
    Matrix,
    ProbeEffort,
    probes_for,
)

CHANCE_SCORE = 0.5
# The score must exceed chance by this much, in ROC AUC, and at most this p-value.
MIN_MARGIN = 0.05
_SIGNIFICANCE = 0.05
_NUM_RESAMPLES = 100
_NEGLIGIBLE_ADVANTAGE = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictability:
    """What cheap probes find."""

    score: float  # cross-validated ROC AUC of the best probe
    interval: tuple[float, float]  # bootstrap interval; of the sample, not of the choice of folds
    probe: str  # the best; of two within 0.01 of each other the simpler one
    probe_scores: Mapping[str, float]
    null_mean: float  # of the best probe's score over permuted labels
    null_sd: float
    p_value: float  # chance of such a score where features and labels are unrelated
    significant: bool  # more than chance
    material: bool  # above chance by a margin that matters

    @property
    def predictable(self) -> bool:
        """Whether the relation is both significant and material."""
        return self.significant and self.material


def predictability(
    features: Matrix,
    labels: np.ndarray,
    *,
    seed: int,
    groups: np.ndarray | None = None,
    effort: ProbeEffort | None = None,
) -> Predictability:
    """Score cheap probes by cross-validation, and compare the best with the same procedure on permuted labels.

    `features` (N, D), finite, made without a look at the labels; `labels` (N,) in 0..K-1, every class present. Rows of
    one of the `groups` (N,) never straddle two folds, and their labels are permuted together. `ValueError` if there are
    fewer than two classes, one has no example, or lengths differ.
    Source: M. Ojala and G. C. Garriga, "Permutation Tests for Studying Classifier Performance", JMLR 11, 2010, test 1.
    With few permutations the p-value is that of a Student prediction interval: the observed score against the mean and
    standard deviation of the permuted ones.
    """
    effort = effort or ProbeEffort()
    num_classes = _num_classes(features, labels, groups)
    rng = np.random.default_rng(seed)
    observed = _probe_folds(features, labels, groups, effort.num_folds, seed)
    scores = {name: _mean_score(folds) for name, folds in observed.items()}
    best = _best_probe(scores)
    null = []
    for number in range(effort.num_permutations):
        permuted = permuted_labels(labels, groups, rng)
        folds_by_probe = _probe_folds(features, permuted, groups, effort.num_folds, seed + number + 1)
        null_scores = {name: _mean_score(folds) for name, folds in folds_by_probe.items()}
        null.append(null_scores[_best_probe(null_scores)])
    null_mean, null_sd = float(np.mean(null)), float(np.std(null, ddof=1))
    p_value = _p_value(scores[best], null_mean, null_sd, len(null))
    return Predictability(
        score=scores[best],
        interval=_interval(observed[best], num_classes, rng),
        probe=best,
        probe_scores=scores,
        null_mean=null_mean,
        null_sd=null_sd,
        p_value=p_value,
        significant=p_value <= _SIGNIFICANCE,
        material=scores[best] - CHANCE_SCORE >= MIN_MARGIN,
    )


def permuted_labels(labels: np.ndarray, groups: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Labels, shape (N,), with their relation to the rows broken.

    The labels of a group move together, since its rows are no independent evidence. Where groups differ in size, a run
    of labels may end in the next group.
    """
    if groups is None:
        return rng.permutation(labels)
    members = np.argsort(groups, kind="stable")
    blocks = np.split(labels[members], np.flatnonzero(np.diff(groups[members])) + 1)
    permuted = np.empty_like(labels)
    permuted[members] = np.concatenate([blocks[place] for place in rng.permutation(len(blocks))])
    return permuted


def _num_classes(features: Matrix, labels: np.ndarray, groups: np.ndarray | None) -> int:
    if features.shape[0] != len(labels) or (groups is not None and len(groups) != len(labels)):
        sizes = (features.shape[0], len(labels), "none" if groups is None else len(groups))
        raise ValueError(f"features, labels and groups must have one row an example, got {sizes}")
    num_classes = len(np.unique(labels))
    if num_classes < 2 or labels.min() != 0 or labels.max() != num_classes - 1:
        raise ValueError(f"labels must be 0..K-1 with K of at least 2, each present, got {np.unique(labels)[:5]}")
    return num_classes


def _probe_folds(
    features: Matrix, labels: np.ndarray, groups: np.ndarray | None, num_folds: int, seed: int
) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """For every probe and fold, the labels and the scores of the rows left out."""
    num_classes = int(labels.max()) + 1
    splits = list(_folds(labels, groups, num_folds, seed))
    return {
        name: [
            (labels[test], class_scores(probe, features, labels, train=train, test=test, num_classes=num_classes))
            for train, test in splits
        ]
        for name, probe in probes_for(features, num_classes=num_classes).items()
    }


def _folds(
    labels: np.ndarray, groups: np.ndarray | None, num_folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    if groups is not None:
        shuffled = np.random.default_rng(seed).permutation(groups.max() + 1)[groups]
        return list(GroupKFold(min(num_folds, len(np.unique(groups)))).split(labels, groups=shuffled))
    smallest = int(np.bincount(labels).min())
    kind = StratifiedKFold if smallest >= num_folds else KFold
    return list(kind(num_folds, shuffle=True, random_state=seed).split(labels, labels))


def _best_probe(scores: Mapping[str, float]) -> str:
    # Probes come simplest first, and the simpler one has the steadier learning curve.
    highest = max(scores.values())
    return next(name for name, score in scores.items() if score >= highest - _NEGLIGIBLE_ADVANTAGE)


def _mean_score(folds: list[tuple[np.ndarray, np.ndarray]]) -> float:
    scores = [score for score in (macro_roc_auc(*fold) for fold in folds) if not np.isnan(score)]
    return float(np.mean(scores)) if scores else CHANCE_SCORE


def _p_value(score: float, mean: float, sd: float, count: int) -> float:
    if sd == 0.0:
        return float(score <= mean)
    return float(student_t.sf((score - mean) / (sd * np.sqrt(1.0 + 1.0 / count)), df=count - 1))


def _interval(
    folds: list[tuple[np.ndarray, np.ndarray]], num_classes: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Percentile interval of the mean score over resamples of each fold's rows, class by class."""
    resampled = [
        _mean_score([(labels[rows], scores[rows]) for (labels, scores), rows in zip(folds, chosen, strict=True)])
        for chosen in (
            [_resampled_rows(labels, num_classes, rng) for labels, _ in folds] for _ in range(_NUM_RESAMPLES)
        )
    ]
    low, high = np.quantile(resampled, [(1.0 - CONFIDENCE) / 2, (1.0 + CONFIDENCE) / 2])
    return float(low), float(high)


def _resampled_rows(labels: np.ndarray, num_classes: int, rng: np.random.Generator) -> np.ndarray:
    rows_by_class = [np.flatnonzero(labels == number) for number in range(num_classes)]
    return np.concatenate([rng.choice(rows, len(rows)) for rows in rows_by_class if len(rows)])
