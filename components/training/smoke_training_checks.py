"""Checks of the trainer on a tiny sample: it runs, repeats, learns, and its state comes back whole."""

import contextlib
from dataclasses import replace
import itertools
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn

from components.modeling.classifier import Classifier
from components.modeling.predictor import load_predictor, weights_of
from components.shared.bundle import BundleConfig, FEATURES_FOLDER, write_bundle
from components.shared.feature_store import FeatureStore
from components.training.fit import FitResult
from components.training.losses import example_losses
from components.training.smoke_check import does_not_apply, failed, holds, Judgement, not_judged
from components.training.smoke_subject import Subject
from components.training.tiny_sample import tiny_sample

_OVERFIT_STEPS = 80
_OVERFIT_RATES = (1e-3, 1e-2, 1e-1)
_OVERFIT_SHARE = 0.1
_STEPS_BEFORE_SAVING = 3
_ROUND_TRIP_TOLERANCE = 1e-4
# On a CPU runs repeat to the bit; a GPU adds up in an order of its own.
_REPEAT_TOLERANCE = {"cpu": 1e-6, "cuda": 1e-2}
_SHOWN = 3
_LEAKAGE_EPOCHS = 3
_FALSE_ALARM = 1e-4
_FEWEST_HELD_OUT = 16


class _InterruptedError(RuntimeError):
    """Stands for the end of the process."""


class _InterruptedStore(FeatureStore):
    """A store that can be read from so many times, and then ends the training."""

    def __init__(self, path: str | Path, *, num_reads: int) -> None:
        super().__init__(path)
        self._reads_left = num_reads

    def gather(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """See `FeatureStore.gather`."""
        self._reads_left -= 1
        if self._reads_left < 0:
            raise _InterruptedError
        return super().gather(rows)


def one_iteration_runs(subject: Subject) -> Judgement:
    """One step of the real trainer, with its workers, precision and compilation."""
    size = subject.tiny.batch_size
    config = replace(
        subject.tiny, max_examples=size, num_workers=subject.config.num_workers, compile=subject.config.compile
    )
    return holds(f"loss {subject.train('one-iteration', config).curves[-1]['train_loss']:.3f}")


def one_epoch_runs(subject: Subject) -> Judgement:
    """One epoch of the real trainer."""
    return holds(f"loss {subject.one_epoch.curves[-1]['train_loss']:.3f} of {subject.one_epoch.num_examples} examples")


def weights_move(subject: Subject) -> Judgement:
    """Training changes every trainable tensor."""
    before = dict(subject.network().named_parameters())
    trained = {name: value for name, value in subject.one_epoch.classifier.named_parameters() if value.requires_grad}
    still = [name for name, value in trained.items() if torch.equal(value, before[name].cpu())]
    if still:
        return failed(
            f"{len(still)} of {len(trained)} trainable tensors are the same after an epoch: "
            f"{', '.join(still[:_SHOWN])}",
            "look at the learning rate, and at which weights the optimiser was given",
        )
    return holds(f"{len(trained)} tensors changed in one epoch")


def a_seed_repeats_the_run(subject: Subject) -> Judgement:
    """The same seed gives the same run."""
    return _same_run(
        subject,
        subject.train("again", subject.tiny),
        what="two runs of the same seed",
        remedy="look for a generator that does not follow from the seed (random, numpy.random), in the network or "
        "where it is built",
    )


def a_resumed_run_is_the_same(subject: Subject) -> Judgement:
    """A run that is killed within an epoch and goes on from its checkpoint ends as one that was not."""
    num_steps = -(-subject.one_epoch.num_examples // subject.tiny.batch_size)
    config = replace(subject.tiny, checkpoint_every_s=0.0)
    # One read is for a network that adapts to its examples, where it does.
    num_reads = 1 + num_steps * subject.tiny.accumulation_passes // 2
    store = _InterruptedStore(subject.store.path, num_reads=num_reads)
    with contextlib.suppress(_InterruptedError):
        subject.train("resumed", config, store=store)
        return not_judged(f"{num_steps} steps are too few to be interrupted")
    resumed = subject.train("resumed", config)
    if not resumed.resumed:
        return not_judged(f"{num_steps} steps are too few to be interrupted after the first")
    return _same_run(
        subject,
        resumed,
        what="a run and the same one, interrupted and resumed,",
        remedy="look for state outside the network's parameters and buffers, which no checkpoint keeps",
    )


def _same_run(subject: Subject, other: FitResult, *, what: str, remedy: str) -> Judgement:
    tolerance = _REPEAT_TOLERANCE[subject.device.type]
    first = subject.one_epoch
    for name in ("train_loss", "val_loss"):
        losses = [result.curves[-1].get(name, 0.0) for result in (first, other)]
        if abs(losses[0] - losses[1]) > tolerance * max(abs(losses[0]), 1.0):
            return failed(f"{what} end with the {name} {losses[0]:.6g} and {losses[1]:.6g}", remedy)
    weights = other.classifier.state_dict()
    differ = [
        name
        for name, value in first.classifier.state_dict().items()
        if not torch.allclose(value.float(), weights[name].float(), rtol=tolerance, atol=tolerance)
    ]
    if differ:
        return failed(f"{what} end with other weights: {', '.join(differ[:_SHOWN])}", remedy)
    return holds("the same losses and weights")


def one_batch_is_learnt(subject: Subject) -> Judgement:
    """A network that trains can learn one batch by heart, or, where it is too small for that, two examples."""
    num_classes = len(subject.store.class_names)
    floor = smoothed_entropy(subject.config.label_smoothing, num_classes=num_classes)
    uniform = math.log(num_classes)
    enough = floor + _OVERFIT_SHARE * (uniform - floor)
    batch = _different_rows(subject)
    two = tiny_sample(batch, subject.store.labels, max_examples=2)
    for rows, rate in itertools.product((batch, two), _OVERFIT_RATES):
        loss, steps = _learnt(subject, subject.network(), rows, rate=rate, max_steps=_OVERFIT_STEPS, enough=enough)
        measured = (
            f"loss {loss:.3f} of {len(rows)} examples after {steps} steps, at best {floor:.3f}, by chance {uniform:.3f}"
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
        loss = example_losses(network(*tensors), labels_B, label_smoothing=subject.config.label_smoothing).mean()
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


def smoothed_entropy(smoothing: float, *, num_classes: int) -> float:
    """The lowest cross-entropy with smoothed labels.

    Parameters
    ----------
    smoothing
        Share of the target spread evenly over all classes, 0 to below 1.
    num_classes
        K, 2 or more.

    Returns
    -------
    float
        Entropy of the smoothed target, nats; 0 without smoothing.
    """
    targets = np.full(num_classes, smoothing / num_classes)
    targets[0] += 1.0 - smoothing
    return abs(float(np.sum(targets * np.log(np.where(targets > 0, targets, 1.0)))))


def a_bundle_predicts_the_same(subject: Subject) -> Judgement:
    """A network in memory, saved as a bundle and loaded, gives the same probabilities."""
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
        trained = network.eval()(*subject.tensors(inputs)).float().softmax(dim=1).cpu().numpy()
    difference = float(np.abs(loaded.predict(inputs).probabilities_BK - trained).max())
    if not difference <= _ROUND_TRIP_TOLERANCE:
        return failed(
            f"probabilities differ by {difference:.2g} after loading",
            "look for state outside the network's parameters and buffers, or a setting that the bundle does not keep",
        )
    return holds(f"probabilities equal to {difference:.1g} after loading")


def shuffled_labels_are_not_learnt(subject: Subject) -> Judgement:
    """What is learnt from labels that mean nothing tells nothing about held-out rows, unless the labels leak."""
    store = subject.store
    held_out = store.indices("validation")
    if not len(held_out):
        return does_not_apply("nothing is held out")
    if len(held_out) < _FEWEST_HELD_OUT:
        return not_judged(f"{len(held_out)} held-out examples are too few to tell chance from knowledge")
    shuffled = _with_shuffled_labels(subject)
    config = replace(subject.tiny, max_epochs=_LEAKAGE_EPOCHS, patience_epochs=_LEAKAGE_EPOCHS, augment=False)
    accuracy = subject.train("shuffled", config, store=shuffled).curves[-1]["val_accuracy"]
    asked = tiny_sample(held_out, shuffled.labels, max_examples=config.max_examples)
    share = float(np.bincount(shuffled.labels[asked]).max() / len(asked))
    bound = binomial_bound(len(asked), share, tail=_FALSE_ALARM) / len(asked)
    measured = f"accuracy {accuracy:.3f} of {len(asked)} held-out examples, by chance at most {bound:.3f}"
    if accuracy > bound:
        return failed(
            measured, "look for the label among the inputs, or for code that reads labels where inputs are made"
        )
    return holds(measured)


def _with_shuffled_labels(subject: Subject) -> FeatureStore:
    store = FeatureStore(subject.store.path)
    rng = np.random.default_rng(subject.seed)
    for split in ("train", "validation"):
        rows = store.indices(split)
        store.labels[rows] = rng.permutation(store.labels[rows])
    return store


def binomial_bound(num_trials: int, share: float, *, tail: float) -> int:
    """The most successes that chance explains.

    Parameters
    ----------
    num_trials
        N, 1 or more.
    share
        Chance of one success, 0 to 1.
    tail
        How unlikely more successes must be, above 0.

    Returns
    -------
    int
        The smallest k with P(X > k) <= `tail`, where X is binomial; 0 to N.
    """
    if share in (0.0, 1.0):
        return int(num_trials * share)
    logs = [
        math.lgamma(num_trials + 1)
        - math.lgamma(k + 1)
        - math.lgamma(num_trials - k + 1)
        + k * math.log(share)
        + (num_trials - k) * math.log1p(-share)
        for k in range(num_trials + 1)
    ]
    above = np.cumsum(np.exp(logs)[::-1])[::-1]
    return int(np.flatnonzero(np.append(above[1:], 0.0) <= tail)[0])
