"""Rows that any bundle can prepare, to try a model on without its data; and how far two models' answers lie apart."""

import numpy as np
import pyarrow as pa

from components.modeling.answers import Prediction, target_scale_from
from components.modeling.prepared_model import PreparedModel

_WORDS = ["a", "text", "of", "some", "words,", "as", "people", "write", "them", "in", "a", "comment"]


def trial_inputs(model: PreparedModel, num_rows: int) -> dict[str, np.ndarray]:
    """Prepared rows: noise for photos and numbers, known codes for categories, texts of words for texts."""
    rng = np.random.default_rng(0)
    if model.features.modality == "text":
        texts = [" ".join(rng.permutation(_WORDS)) for _ in range(num_rows)]
        return model.prepare({"text": pa.array(texts, pa.string())})
    codes = getattr(getattr(model.features, "base", model.features), "num_codes", ())
    inputs = {}
    for name, value in model.empty_inputs(num_rows).items():
        if value.dtype == np.uint8:
            inputs[name] = rng.integers(0, 256, value.shape).astype(np.uint8)
        elif value.dtype.kind == "f":
            inputs[name] = rng.standard_normal(value.shape).astype(value.dtype)
        elif value.shape[1:] == (len(codes),):
            inputs[name] = rng.integers(0, codes or 1, value.shape).astype(value.dtype)
        else:
            inputs[name] = value
    return inputs


def largest_difference(model: PreparedModel, first: Prediction, second: Prediction) -> float:
    """The largest difference of a probability, or of a number in standard deviations of the training labels.

    The embeddings count too: their largest difference, in units of the largest embedding. `nan` where one is not
    finite.
    """
    if first.numbers_B is not None and second.numbers_B is not None:
        answers = np.abs(first.numbers_B - second.numbers_B) / target_scale_from(model.config.preprocessing).std
    else:
        answers = np.abs(first.probabilities_BK - second.probabilities_BK)
    size = max(float(np.abs(first.embeddings_BD).max(initial=0.0)), float(np.finfo(np.float32).tiny))
    embeddings = np.abs(first.embeddings_BD - second.embeddings_BD) / size
    return float(np.maximum(answers.max(initial=0.0), embeddings.max(initial=0.0)))
