"""Fast classifiers of texts: fitted ones, and ones whose bias is known by construction."""

from collections.abc import Callable, Mapping, Sequence
import zlib

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from components.model_analysis.language_bias.classifier_answers import classifier_answers
from components.model_analysis.language_bias.measures import BiasMeasure, judged
from components.model_analysis.language_bias.packaged_corpora import packaged_corpus
from components.shared.contracts.language_bias_settings import LanguageBiasSettings
from components.shared.tables.identity_terms import Language

CLASS_NAMES = ("negative", "positive")
SETTINGS = LanguageBiasSettings()


def fitted(texts: Sequence[str], labels: np.ndarray) -> Callable[[Sequence[str]], np.ndarray]:
    """TF-IDF of character n-grams with logistic regression."""
    ngrams = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2)
    return make_pipeline(ngrams, LogisticRegression(C=1.0, max_iter=200)).fit(texts, labels).predict_proba


def by_construction(bias: Mapping[str, float], *, noise: float = 0.0, seed: int = 0) -> Callable[..., np.ndarray]:
    """Log odds of the positive class: what each term adds where it occurs, and noise that the text alone decides."""

    def classify(texts: Sequence[str]) -> np.ndarray:
        odds = np.array([sum(value for term, value in bias.items() if term in text) for text in texts])
        draws = [np.random.default_rng([seed, zlib.crc32(text.encode())]).normal() for text in texts]
        positive = 1 / (1 + np.exp(-(odds + noise * np.array(draws))))
        return np.stack([1 - positive, positive], axis=1)

    return classify


def biased(classify: Callable[..., np.ndarray], language: Language) -> list[BiasMeasure]:
    """What the suite refuses of a classifier."""
    answers = classifier_answers(classify, CLASS_NAMES, packaged_corpus(language))
    return [one for one in judged(answers.measures, SETTINGS) if one.status == "biased"]
