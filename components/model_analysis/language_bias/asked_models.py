"""Asks a text model about people: a bundle that classifies, or a language model in a folder.

Shapes: N texts, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.model_analysis.language_bias.classifier_answers import classifier_answers, WorstPair
from components.model_analysis.language_bias.likelihood_answers import likelihood_answers
from components.model_analysis.language_bias.local_model import LocalLanguageModel
from components.model_analysis.language_bias.measures import BiasMeasure
from components.modeling.gpu.devices import choose_device
from components.modeling.gpu.preflight import require_gpu
from components.modeling.predictor import load_predictor, Predictor
from components.shared.contracts.language_bias_corpus import Corpus

_BATCH = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelAnswers:
    """What a model made of every corpus.

    Attributes
    ----------
    model
        What kind of model it is, in words.
    measures
        Every gap.
    worst_pairs
        Pairs of sentences that it tells apart most; none of a language model.
    num_texts
        How many texts it was asked.
    """

    model: str
    measures: list[BiasMeasure]
    worst_pairs: list[WorstPair]
    num_texts: int


def classifier_asked(path: str | Path, corpora: Sequence[Corpus], *, device: str) -> ModelAnswers:
    """Ask a bundle that classifies texts; `ValueError` or `FileNotFoundError` if it cannot be loaded."""
    predictor = load_predictor(path, device=_checked(device))

    def classify(texts: Sequence[str]) -> np.ndarray:
        return _probabilities(predictor, texts)

    found = [classifier_answers(classify, predictor.class_names, corpus) for corpus in corpora]
    return ModelAnswers(
        model="classifier",
        measures=[one for answers in found for one in answers.measures],
        worst_pairs=[pair for answers in found for pair in answers.worst_pairs],
        num_texts=sum(answers.num_texts for answers in found),
    )


def language_model_asked(path: str | Path, corpora: Sequence[Corpus], *, device: str) -> ModelAnswers:
    """Ask a causal or masked language model of a folder; errors as those of `LocalLanguageModel`."""
    model = LocalLanguageModel(path, device=choose_device(_checked(device)))
    found = [likelihood_answers(model.log_likelihoods, corpus) for corpus in corpora]
    return ModelAnswers(
        model=f"{model.kind} language model",
        measures=[one for answers in found for one in answers.measures],
        worst_pairs=[],
        num_texts=sum(answers.num_texts for answers in found),
    )


def _checked(device: str) -> str:
    if device == "cuda":
        require_gpu()
    return device


def _probabilities(predictor: Predictor, texts: Sequence[str]) -> np.ndarray:
    """Shape (N, K)."""
    parts = []
    for start in range(0, len(texts), _BATCH):
        inputs = predictor.prepare({"text": pa.array(texts[start : start + _BATCH], pa.string())})
        parts.append(predictor.predict(inputs).probabilities_BK)
    return np.concatenate(parts)
