"""Which damage a photo looks to have suffered: told apart by what the same set's training photos look like damaged.

Shapes: C clean photos, Q asked ones, M measures, D numbers an embedding.
"""

from collections.abc import Mapping

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from components.model_analysis.error_causes.findings import Finding
from components.model_analysis.error_causes.isolation import KindAngles, KindIsolation
from components.model_analysis.error_causes.photo_damage import DAMAGES

_FOLDS = 3
_SHARE_OF_FALSE_ALARMS = 0.02
_LEAST_PROBABILITY = 0.7
_PENALTY = 1.0
_LIMIT = 8.0
# In deviations of the damaged photos: where a photo is as likely damaged otherwise as in this way.
_STRANGE, _STEP, _SURELY_STRANGE = 2.0, 0.3, 3.5


class DamageJudge:
    """Learns from clean photos and from the same photos damaged.

    Parameters
    ----------
    clean
        Shape (C, M), measures of clean photos.
    damaged
        By kind of `DAMAGES`, shape (any, M), measures of damaged ones, 20 or more.
    seed
        Of the folds in which clean photos are judged by a model that has not seen them.
    """

    def __init__(self, clean: np.ndarray, damaged: Mapping[str, np.ndarray], *, seed: int = 0) -> None:
        self._names = tuple(damaged)
        values = np.concatenate([clean, *damaged.values()])
        kinds = np.repeat(np.arange(len(damaged) + 1), [len(clean), *(len(part) for part in damaged.values())])
        self._middle, self._spread = np.median(clean, axis=0), values.std(axis=0) + 1e-6
        scaled, order = self._scaled(values), np.random.default_rng(seed).permutation(len(values))
        model = LogisticRegression(C=_PENALTY, max_iter=300)
        found = cross_val_predict(model, scaled[order], kinds[order], cv=_FOLDS, method="predict_proba")
        of_clean = 1.0 - found[kinds[order] == 0][:, 0]
        self._threshold = max(float(np.quantile(of_clean, 1 - _SHARE_OF_FALSE_ALARMS)), _LEAST_PROBABILITY)
        self._model = model.fit(scaled, kinds)
        self._damaged = KindIsolation(damaged)

    def findings(
        self, asked: np.ndarray, embeddings: np.ndarray | None = None, angles: KindAngles | None = None
    ) -> list[list[Finding]]:
        """What Q photos look to have suffered, by their measures, shape (Q, M): one finding each, or none.

        A photo is damaged where it looks so more than all but 2 % of the clean ones, and in a way in which damaged
        ones of this set do: by measures and, where `embeddings`, shape (Q, D), are given, to the model. The strength
        is how much it looks so.
        """
        found = self._model.predict_proba(self._scaled(asked))
        seen = [None] * len(asked) if embeddings is None else [row[None] for row in embeddings]
        return [self._finding(row, asked[number], seen[number], angles) for number, row in enumerate(found)]

    def _finding(
        self, shares: np.ndarray, measures: np.ndarray, embedding: np.ndarray | None, angles: KindAngles | None
    ) -> list[Finding]:
        if 1.0 - shares[0] <= self._threshold:
            return []
        causes = np.array([DAMAGES[name].cause for name in self._names])
        sums = {cause: float(shares[1:][causes == cause].sum()) for cause in set(causes.tolist())}
        cause = max(sums, key=lambda name: sums[name])
        kind = self._names[int(np.where(causes == cause, shares[1:], -1.0).argmax())]
        strange = float(self._damaged.of(kind, measures[None])[0])
        if angles is not None and embedding is not None and strange < _SURELY_STRANGE:
            strange = max(strange, float(angles.of(kind, embedding)[0]))
        alike = 1.0 / (1.0 + float(np.exp(min((strange - _STRANGE) / _STEP, 50.0))))
        words = f"{DAMAGES[kind].words}: it looks as training photos do that were damaged so ({sums[cause]:.2f})"
        return [Finding(cause=cause, kind=kind, strength=sums[cause] * alike, words=words)]

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        return np.clip((values - self._middle) / self._spread, -_LIMIT, _LIMIT)
