"""The corpus: real digits whose labels are changed in known ways, and twins whose labels are not.

Ways of making mistakes: by chance (`evenly`), one class for the next (`one_way`), where two classes look alike
(`lookalikes`). Seeds below 100 were used in choosing the method; `HELD_OUT_SEEDS` and the classes of the held-out
pairs were looked at once, at the end.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict, StratifiedKFold
from sklearn.preprocessing import StandardScaler

KINDS = ("evenly", "one_way", "lookalikes")
HELD_OUT_SEEDS = (101, 102, 103)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Planted:
    """Features (N, D), given labels (N,), true ones (N,), cross-validated probabilities of the given ones (N, K)."""

    features: np.ndarray
    labels: np.ndarray
    truth: np.ndarray
    probabilities: np.ndarray

    @property
    def is_wrong(self) -> np.ndarray:
        """Which labels were changed, shape (N,)."""
        return self.labels != self.truth


def planted(source: str, kind: str, rate: float, seed: int) -> Planted:
    """Digits, digits by whether they are odd, or tumours, a share `rate` of whose labels is changed."""
    features, truth = _source(source)
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(truth))[:900]
    features, truth = features[chosen], truth[chosen]
    labels = _changed(features, truth, kind, rate, rng) if rate else truth.copy()
    return Planted(
        features=features, labels=labels, truth=truth, probabilities=cross_validated(features, labels, seed=seed)
    )


def cross_validated(features: np.ndarray, labels: np.ndarray, *, seed: int) -> np.ndarray:
    """Plain logistic regression's out-of-sample probabilities, (N, K)."""
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    scaled = StandardScaler().fit_transform(features)
    found: np.ndarray = cross_val_predict(
        LogisticRegression(max_iter=300), scaled, labels, cv=folds, method="predict_proba"
    )
    return found


@cache
def _source(name: str) -> tuple[np.ndarray, np.ndarray]:
    if name == "tumours":
        features, truth = load_breast_cancer(return_X_y=True)
        return StandardScaler().fit_transform(features), truth
    digits, values = load_digits(return_X_y=True)
    return digits, values % 2 if name == "odd digits" else values


def _changed(features: np.ndarray, truth: np.ndarray, kind: str, rate: float, rng: np.random.Generator) -> np.ndarray:
    num_classes, labels = int(truth.max()) + 1, truth.copy()
    others = (truth + 1) % num_classes
    if kind == "evenly":
        chosen = rng.random(len(truth)) < rate
        others = (truth + rng.integers(1, num_classes, len(truth))) % num_classes
    elif kind == "one_way":
        chosen = (rng.random(len(truth)) < 2 * rate) & (truth % 2 == 0)
    else:
        seen = cross_validated(features, truth, seed=0) ** 0.3
        seen[np.arange(len(truth)), truth] = 0.0
        others, weights = seen.argmax(axis=1), seen.max(axis=1) + 0.02
        chosen = np.zeros(len(truth), bool)
        chosen[rng.choice(len(truth), int(rate * len(truth)), replace=False, p=weights / weights.sum())] = True
    labels[chosen] = others[chosen]
    return labels
