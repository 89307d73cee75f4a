"""Checks of the trainer on a tiny sample: it runs, moves the weights, repeats, and goes on where it was interrupted."""

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from components.shared.feature_store.store import FeatureStore
from components.training.smoke.check import failed, holds, Judgement, not_judged
from components.training.smoke.subject import Subject
from components.training.trainer.fit import FitResult

# On a CPU runs repeat to the bit; a GPU adds up in an order of its own.
_REPEAT_TOLERANCE = {"cpu": 1e-6, "cuda": 1e-2}
_SHOWN = 3


class _InterruptedError(RuntimeError):
    """Simulates the end of the process."""


class _InterruptedStore(FeatureStore):
    """A store that ends the training after a number of reads."""

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
    """A run that is killed within an epoch and resumed from its checkpoint ends as an uninterrupted one does."""
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
