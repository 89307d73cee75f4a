"""Checks of what a network learns: one batch by heart, nothing from shuffled labels, and all of it is saved."""

from dataclasses import replace
import itertools
import math

import numpy as np
from scipy.stats import binom, norm
import torch
from torch import nn

from components.modeling.classifier import Classifier
from components.modeling.predictor import load_predictor, weights_of
from components.shared.contracts.bundle import BundleConfig, FEATURES_FOLDER, write_bundle
from components.shared.feature_store.store import FeatureStore
from components.training.smoke.check import does_not_apply, failed, holds, Judgement, not_judged
from components.training.smoke.subject import Subject
from components.training.trainer.tiny_sample import tiny_sample

_OVERFIT_STEPS = 80
_OVERFIT_RATES = (1e-3, 1e-2, 1e-1)
_OVERFIT_SHARE = 0.1
_STEPS_BEFORE_SAVING = 3
_ROUND_TRIP_TOLERANCE = 1e-4
_LEAKAGE_EPOCHS = 3
_FALSE_ALARM = 1e-4
_FEWEST_HELD_OUT = 16


def one_batch_is_learnt(subject: Subject) -> Judgement:
    """A network that trains can learn one batch by heart, or, where it is too small for that, two examples."""
    floor = subject.task.lowest_loss(subject.config.label_smoothing)
    batch = _different_rows(subject)
    two = tiny_sample(batch, subject.store.labels, max_examples=2)
    for rows, rate in itertools.product((batch, two), _OVERFIT_RATES):
        _, chance = subject.task.chance_losses(subject.labels(rows).cpu().numpy(), np.ones(len(rows)))
        enough = floor + _OVERFIT_SHARE * (chance - floor)
        loss, steps = _learnt(subject, subject.network(), rows, rate=rate, max_steps=_OVERFIT_STEPS, enough=enough)
        measured = (
            f"loss {loss:.3f} of {len(rows)} examples after {steps} steps, at best {floor:.3f}, by chance {chance:.3f}"
        )
        if loss <= enough:
            return holds(measured)
    return failed(
        measured,
        "look for a softmax or sigmoid before the loss, inputs that do not reach the output, labels of other examples, "
        "or a wrong sign",
    )


def _learnt(
    subject: Subject, network: Classifier, rows: np.ndarray, *, rate: float, max_steps: int, enough: float = -math.inf
) -> tuple[float, int]:
    """Train a network on one batch, without dropout; returns the loss of the last pass, and the steps taken."""
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    tensors, labels_B = subject.batch(rows), subject.labels(rows)
    optimizer = torch.optim.Adam([value for value in network.parameters() if value.requires_grad], lr=rate)
    for step in range(max_steps + 1):
        smoothing = subject.config.label_smoothing
        loss = subject.task.losses(network(*tensors), labels_B, label_smoothing=smoothing).mean()
        if step == max_steps or loss.item() <= enough:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.item()), step


def _different_rows(subject: Subject) -> np.ndarray:
    """One batch without examples that look the same and are labelled otherwise: those cannot be learnt by heart."""
    first: dict[bytes, int] = {}
    for row in subject.batch_rows:
        inputs = subject.store.gather(np.array([row]))
        first.setdefault(b"|".join(value.tobytes() for value in inputs.values()), int(row))
    return np.array(list(first.values()))


def a_bundle_predicts_the_same(subject: Subject) -> Judgement:
    """A network in memory, saved as a bundle and loaded, gives the same answers."""
    network, store = subject.network(), subject.store
    _learnt(subject, network, subject.batch_rows, rate=_OVERFIT_RATES[0], max_steps=_STEPS_BEFORE_SAVING)
    config = BundleConfig(
        task=store.task,
        class_names=store.class_names,
        backbone=subject.config.backbone.to_dict(),
        preprocessing=store.preparation["preprocessing"],
    )
    files = {f"{FEATURES_FOLDER}/{name}": content for name, content in store.feature_files.items()}
    write_bundle(subject.scratch / "bundle", config, weights_of(network), files=files)
    inputs = store.gather(subject.batch_rows)
    loaded = load_predictor(subject.scratch / "bundle", device=subject.device.type)
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        trained = subject.task.answers(network.eval()(*subject.tensors(inputs)))
    difference = float(subject.task.differences(loaded.predict(inputs), trained).max())
    what = "numbers, in standard deviations," if subject.task.is_regression else "probabilities"
    if not difference <= _ROUND_TRIP_TOLERANCE:
        return failed(
            f"{what} differ by {difference:.2g} after loading",
            "look for state outside the network's parameters and buffers, or a setting that the bundle does not keep",
        )
    return holds(f"{what} equal to {difference:.1g} after loading")


def shuffled_labels_are_not_learnt(subject: Subject) -> Judgement:
    """Training on shuffled labels scores no better than chance on held-out rows, unless the labels leak."""
    store = subject.store
    held_out = store.indices("validation")
    if not len(held_out):
        return does_not_apply("nothing is held out")
    if len(held_out) < _FEWEST_HELD_OUT:
        return not_judged(f"{len(held_out)} held-out examples are too few to tell chance from knowledge")
    shuffled = _with_shuffled_labels(subject)
    config = replace(subject.tiny, max_epochs=_LEAKAGE_EPOCHS, patience_epochs=_LEAKAGE_EPOCHS, augment=False)
    last = subject.train("shuffled", config, store=shuffled).curves[-1]
    asked = shuffled.labels[tiny_sample(held_out, shuffled.labels, max_examples=config.max_examples)]
    if subject.task.is_regression:
        name, score, bound = "R2", *_explained(subject, last["val_loss"], asked)
    else:
        share = float(np.bincount(asked).max() / len(asked))
        bound = float(binom.isf(_FALSE_ALARM, len(asked), share)) / len(asked)
        name, score = "accuracy", last["val_accuracy"]
    measured = f"{name} {score:.3f} of {len(asked)} held-out examples, by chance at most {bound:.3f}"
    if score > bound:
        return failed(
            measured, "look for the label among the inputs, or for code that reads labels where inputs are made"
        )
    return holds(measured)


def _explained(subject: Subject, loss: float, labels: np.ndarray) -> tuple[float, float]:
    """R2 against the training mean that a loss stands for, and what it exceeds by chance once in 10,000 times.

    A prediction that knows nothing explains at most the square of its correlation with the labels, which has the
    standard deviation 1 / sqrt(N - 1) over permutations.
    """
    chance, _ = subject.task.chance_losses(subject.task.targets(labels), np.ones(len(labels)))
    return 1.0 - loss / chance, float(norm.isf(_FALSE_ALARM)) ** 2 / (len(labels) - 1)


def _with_shuffled_labels(subject: Subject) -> FeatureStore:
    store = FeatureStore(subject.store.path)
    rng = np.random.default_rng(subject.seed)
    for split in ("train", "validation"):
        rows = store.indices(split)
        store.labels[rows] = rng.permutation(store.labels[rows])
    return store
