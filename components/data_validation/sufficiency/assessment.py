"""Can these data answer the question at all? A cheap probe's answer from a feature matrix and labels alone.

First whether the label is predictable, then whether more data are likely to help, then how many are missing for the
target. It says what a cheap probe can find: a trained model may do better, and none can do without a relation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from components.data_validation.sufficiency.cheap_probes import Matrix, ProbeEffort, probes_for
from components.data_validation.sufficiency.learning_curve import learning_curve, LearningCurve
from components.data_validation.sufficiency.missing_examples import missing_examples, MissingExamples
from components.data_validation.sufficiency.predictability import Predictability, predictability
from components.shared.contracts.target_spec import TargetSpec

# More labels than this, most of them of a single row, are a quantity, not classes; ingestion draws the same line.
_MANY_CLASSES = 20
# Below these nothing is said: folds and permutations would say nothing. Smaller classes are left out and said.
_MIN_ROWS, MIN_CLASS_ROWS, _MIN_GROUPS = 50, 10, 10


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sufficiency:
    """What cheap probes say of the data."""

    num_rows: int  # labelled rows that were looked at
    class_counts: Mapping[str, int]  # labelled training rows at hand of the classes that were judged
    small_classes: Mapping[str, int]  # of the classes that were left out for having too few rows
    target: TargetSpec  # what the model is to reach
    shortfall: str = ""  # why there are too few rows to say anything; empty where there are enough
    predictability: Predictability | None = None  # None where there are too few rows, or not one feature
    curve: LearningCurve | None = None  # None where the label is not predictable, or the curve could not be scored
    missing: MissingExamples | None = None  # None without a curve or without a minimum in the target

    @property
    def predictable(self) -> bool | None:
        """Whether a cheap probe finds the label predictable; None where there are too few rows to say."""
        if self.shortfall:
            return None
        return self.predictability is not None and self.predictability.predictable


def sufficiency(
    features: Matrix,
    labels: np.ndarray,
    *,
    class_counts: Mapping[str, int],
    target: TargetSpec,
    groups: np.ndarray | None = None,
    seed: int = 0,
    effort: ProbeEffort | None = None,
) -> Sufficiency:
    """Judge whether data can answer a question: the label's predictability, the learning curve, and what is missing.

    `features` are finite, shape (N, D), dense or CSR, D may be 0; `labels` (N,) are places in `class_counts`, of which
    the N rows may be a sample; rows of one of the `groups` (N,), numbered from 0, belong together.
    """
    sizes = np.bincount(labels, minlength=len(class_counts))
    large, small = np.flatnonzero(sizes >= MIN_CLASS_ROWS), np.flatnonzero(sizes < MIN_CLASS_ROWS)
    kept = np.isin(labels, large)
    names = list(class_counts)
    found = Sufficiency(
        num_rows=int(kept.sum()),
        class_counts={names[number]: class_counts[names[number]] for number in large},
        small_classes={names[number]: class_counts[names[number]] for number in small},
        target=target,
    )
    used_groups = None if groups is None else np.unique(groups[kept], return_inverse=True)[1]
    shortfall = _shortfall(found, used_groups)
    if shortfall or features.shape[1] == 0:
        return replace(found, shortfall=shortfall)
    used = features[np.flatnonzero(kept)]
    return _judged(found, used, np.searchsorted(large, labels[kept]), used_groups, seed, effort)


def _judged(
    found: Sufficiency,
    features: Matrix,
    labels: np.ndarray,
    groups: np.ndarray | None,
    seed: int,
    effort: ProbeEffort | None,
) -> Sufficiency:
    relation = predictability(features, labels, seed=seed, groups=groups, effort=effort)
    if not relation.predictable:
        return replace(found, predictability=relation)
    counts = list(found.class_counts.values())
    curve = learning_curve(
        features,
        labels,
        probe=probes_for(features, num_classes=len(counts))[relation.probe],
        metric=found.target.metric,
        num_available=sum(counts),
        groups=groups,
        seed=seed,
        effort=effort,
    )
    if curve is None or found.target.minimum is None:
        return replace(found, predictability=relation, curve=curve)
    missing = missing_examples(curve, minimum=found.target.minimum, counts=counts)
    return replace(found, predictability=relation, curve=curve, missing=missing)


def _shortfall(found: Sufficiency, groups: np.ndarray | None) -> str:
    if len(found.class_counts) < 2:
        return _class_shortfall(found)
    if found.num_rows < _MIN_ROWS:
        return f"{_MIN_ROWS} labelled training rows are needed, there are {found.num_rows}"
    num_groups = None if groups is None else int(groups.max()) + 1
    if num_groups is not None and num_groups < _MIN_GROUPS:
        return f"{_MIN_GROUPS} groups of rows are needed, there are {num_groups}"
    return ""


def _class_shortfall(found: Sufficiency) -> str:
    needed = f"two classes with {MIN_CLASS_ROWS} labelled training rows each are needed"
    num_classes, num_labelled = len(found.class_counts) + len(found.small_classes), sum(found.small_classes.values())
    if not found.class_counts and num_classes > _MANY_CLASSES and num_classes * 2 > num_labelled:
        return (
            f"{needed}, but {num_labelled:,} rows have {num_classes:,} different labels, as a measured quantity has: "
            "cut it into classes by the problem file's label.expression"
        )
    return f"{needed}, {len(found.class_counts)} of {num_classes:,} have them"
