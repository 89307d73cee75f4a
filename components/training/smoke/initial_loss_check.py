"""The check of the loss at initialisation: a network that has learnt nothing does as well as chance.

Shapes: B examples, K classes.
"""

import numpy as np

from components.training.smoke.check import does_not_apply, failed, holds, Judgement
from components.training.smoke.subject import evaluated_logits, Subject

_INITIAL_LOSS_MARGIN = 1.0


def initial_loss_is_chance(subject: Subject) -> Judgement:
    """The loss before training is that of a uniform guess, or of guessing by the classes' shares.

    Where the label is a number it is that of always answering the training mean: about 1, on the labels' scale.
    """
    if subject.config.warm_start:
        return does_not_apply("training starts from an earlier model, which has learnt already")
    store, config = subject.store, subject.config
    rows = store.indices("train")
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), len(subject.rows))).astype(np.int64)]
    targets_B = subject.labels(rows)
    weights = subject.task.weights(store.labels[rows], balanced=config.class_weighting == "balanced")
    outputs_BK = evaluated_logits(subject.network(), subject.batch(rows))
    losses_B = subject.task.losses(outputs_BK, targets_B, label_smoothing=config.label_smoothing)
    loss = float(np.average(losses_B.double().cpu().numpy(), weights=weights))
    prior, uniform = subject.task.chance_losses(targets_B.cpu().numpy(), weights)
    measured = f"{loss:.3f}, by chance {prior:.3f} to {uniform:.3f}"
    if prior / 2 <= loss <= uniform + _INITIAL_LOSS_MARGIN:
        return holds(measured)
    if loss < prior / 2:
        return failed(measured, "look for the label among the inputs: a network that has learnt nothing knows it")
    return failed(measured, "look at the initial weights, and at the scale of the last layers' outputs")
