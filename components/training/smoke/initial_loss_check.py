"""The check of the loss at initialisation: a network that has learnt nothing does as well as chance.

Shapes: B examples, K classes.
"""

import math

import numpy as np
from scipy.special import entr

from components.training.smoke.check import does_not_apply, failed, holds, Judgement
from components.training.smoke.subject import evaluated_logits, Subject
from components.training.trainer.losses import class_weights, example_losses

_INITIAL_LOSS_MARGIN = 1.0


def initial_loss_is_chance(subject: Subject) -> Judgement:
    """The loss before training is that of a uniform guess, or of guessing by the classes' shares."""
    if subject.config.warm_start:
        return does_not_apply("training starts from an earlier model, which has learnt already")
    store, config = subject.store, subject.config
    rows = store.indices("train")
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), len(subject.rows))).astype(np.int64)]
    labels = store.labels[rows]
    balanced = config.class_weighting == "balanced"
    weights = class_weights(labels, num_classes=len(store.class_names), balanced=balanced)[labels]
    logits_BK = evaluated_logits(subject.network(), subject.batch(rows))
    losses_B = example_losses(logits_BK, subject.labels(rows), label_smoothing=config.label_smoothing)
    loss = float(np.average(losses_B.double().cpu().numpy(), weights=weights))
    uniform = math.log(len(store.class_names))
    shares = np.bincount(labels, weights=weights, minlength=len(store.class_names)) / weights.sum()
    prior = float(entr(shares).sum())
    measured = f"{loss:.3f}, by chance {prior:.3f} to {uniform:.3f}"
    if prior / 2 <= loss <= uniform + _INITIAL_LOSS_MARGIN:
        return holds(measured)
    if loss < prior / 2:
        return failed(measured, "look for the label among the inputs: a network that has learnt nothing knows it")
    return failed(measured, "look at the initial weights, and at the scale of the last layers' outputs")
