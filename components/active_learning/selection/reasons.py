"""Why a row was chosen, in a sentence for the person who labels it."""

from collections.abc import Sequence

import numpy as np

from components.active_learning.label_requests import Strategy


def reason(strategy: Strategy, probabilities: np.ndarray, class_names: Sequence[str], *, cold: bool = False) -> str:
    """The sentence.

    Parameters
    ----------
    strategy
        What chose the row.
    probabilities
        Shape (K,): the model's answer.
    class_names
        K names.
    cold
        Whether there were too few labels to ask the model what it is unsure of.
    """
    if strategy == "random":
        return "Drawn at random, to measure by."
    if strategy == "diversity":
        if cold:
            return "Stands for many similar examples, of which none or few are labelled."
        return "Unlike everything that is labelled so far."
    first, second = np.argsort(-np.asarray(probabilities, np.float64), kind="stable")[:2].tolist()
    doubt = (
        f"{class_names[first]} has {float(probabilities[first]):.0%}, "
        f"{class_names[second]} {float(probabilities[second]):.0%}"
    )
    if strategy == "mutual_information":
        return f"The model contradicts itself when parts of it are left out: {doubt}."
    if strategy == "entropy" and len(class_names) > 2:
        return f"The model is unsure among all {len(class_names)} classes: {doubt}."
    return f"The model hesitates: {doubt}."
