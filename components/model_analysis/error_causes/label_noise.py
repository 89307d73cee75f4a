"""How likely each label is to be wrong, from answers that the model gave without having seen the label.

Shapes: N labelled examples, K classes.
"""

from dataclasses import dataclass

import numpy as np

_TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(6.0), 28))
_SHARES = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
_SMALLEST = 1e-7
# Without a word from the data, 3.4 % of labels are wrong, as in public test sets; that weighs as much as 30 examples.
_USUAL_SHARE, _USUAL_ROWS = 0.034, 30.0
_USUAL_LOG_TEMPERATURE = 0.5


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelNoise:
    """How likely each label is wrong, and what that rests on.

    Attributes
    ----------
    is_wrong
        Shape (N,), 0 to 1.
    share
        Of labels that are wrong, as far as answers tell. No estimate to report: an audit gives that.
    temperature
        By which the logarithms of the model's answers are divided, so that its confidence is right.
    """

    is_wrong: np.ndarray
    share: float
    temperature: float


def label_noise(probabilities: np.ndarray, labels: np.ndarray) -> LabelNoise:
    """Tell wrong labels from wrong answers: a model whose confidence is right is rarely sure of a class that is wrong.

    A label is the true class or, in a share of the cases, any other. That share and the model's over-confidence are
    fitted together, by the likelihood of the labels.

    Parameters
    ----------
    probabilities
        Shape (N, K), rows that add up to 1, of examples that the model was not trained on.
    labels
        Shape (N,), class indices.

    Returns
    -------
    LabelNoise
        Without an example, or with one class, nothing is suspected.

    References
    ----------
    Patrini et al., "Making deep neural networks robust to label noise" (2017), forward correction, with one rate;
    Guo et al., "On calibration of modern neural networks" (2017), temperature; Northcutt, Athalye and Mueller,
    "Pervasive label errors in test sets" (2021), 3.4 %.
    """
    num_rows, num_classes = probabilities.shape
    if not num_rows or num_classes < 2:
        return LabelNoise(is_wrong=np.zeros(num_rows), share=0.0, temperature=1.0)
    logs = np.log(np.clip(probabilities.astype(np.float64), _SMALLEST, 1.0))
    shares, best = np.array(_SHARES), -np.inf
    prior = _USUAL_ROWS * (_USUAL_SHARE * np.log(shares) + (1 - _USUAL_SHARE) * np.log1p(-shares))
    temperature, share, of_label = 1.0, 0.0, np.ones(num_rows)
    for asked in _TEMPERATURES:
        right = _share_of_label(logs / asked, labels)
        given = (1 - shares) * right[:, None] + shares * (1 - right[:, None]) / (num_classes - 1)
        scores = np.log(given + 1e-12).sum(axis=0) + prior - 0.5 * (np.log(asked) / _USUAL_LOG_TEMPERATURE) ** 2
        if scores.max() > best:
            best = float(scores.max())
            temperature, share, of_label = float(asked), float(shares[scores.argmax()]), right
    wrong = share * (1 - of_label) / (num_classes - 1)
    return LabelNoise(is_wrong=wrong / (wrong + (1 - share) * of_label + 1e-12), share=share, temperature=temperature)


def _share_of_label(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Softmax of logits, shape (N, K), at the label's class, shape (N,)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: np.ndarray = powers[np.arange(len(labels)), labels] / powers.sum(axis=1)
    return found
