"""Texts for a cheap model: TF-IDF of words, pairs of words and character n-grams, fitted to training texts alone.

Shapes: N texts, D columns.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from components.modeling.cheap_models.fitting import NothingToLearnError

MAX_CHARACTERS = 2000
# A linear model has a weight a column and class.
_MAX_COLUMNS, _MIN_COLUMNS, _MAX_WEIGHTS = 100_000, 2000, 2_000_000


class TextReading:
    """How texts become rows; only the first 2,000 characters of each count.

    NothingToLearnError where no training text holds a word or character that occurs in two of them.
    """

    def __init__(self, texts: pa.Array, *, num_classes: int) -> None:
        most = int(np.clip(_MAX_WEIGHTS // max(num_classes, 1), _MIN_COLUMNS, _MAX_COLUMNS))
        words = {"analyzer": "word", "token_pattern": r"(?u)\b\w+\b", "ngram_range": (1, 2)}
        characters = {"analyzer": "char", "ngram_range": (1, 3)}
        self._parts: list[TfidfVectorizer] = []
        read = _shortened(texts)
        for settings in (words, characters):
            vectors = TfidfVectorizer(**settings, min_df=2, max_features=most, sublinear_tf=True, dtype=np.float32)
            try:
                self._parts.append(vectors.fit(read))
            except ValueError:  # no word occurs in two texts
                continue
        if not self._parts:
            raise NothingToLearnError("training texts must have a word or character in common, but they have none")

    def rows(self, texts: pa.Array) -> sparse.csr_array:
        """Shape (N, D), float32."""
        read = _shortened(texts)
        if not read:
            return sparse.csr_array((0, sum(len(part.vocabulary_) for part in self._parts)), dtype=np.float32)
        return sparse.csr_array(sparse.hstack([part.transform(read) for part in self._parts], format="csr"))


def _shortened(texts: pa.Array) -> Sequence[str]:
    return [(text or "")[:MAX_CHARACTERS] for text in texts.to_pylist()]
