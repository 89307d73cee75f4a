"""Checks of a network before it has learnt anything: numbers, independence of examples, loss, gradients.

Shapes: B examples, K classes.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from components.modeling.classifier import Classifier
from components.shared.feature_store.blocks import RAGGED
from components.training.smoke.check import does_not_apply, failed, holds, Judgement, not_judged
from components.training.smoke.subject import evaluated_logits, Subject

# What rounding makes of the same sum in another order, as a share of the largest output.
TOLERANCE = 1e-3
_PADDING = 7
_WARM_UP_STEPS = 3
_WARM_UP_RATE = 1e-2
_SHOWN = 3


def numbers_are_finite(subject: Subject) -> Judgement:
    """No layer returns NaN or infinity, in training and in evaluation, also for one example alone."""
    network, tensors = subject.network(), subject.batch(subject.batch_rows)
    one = subject.batch(subject.batch_rows[:1])
    for mode, given in (("training", tensors), ("evaluation", tensors), ("evaluation of one example", one)):
        layer = _first_layer_that_breaks(network.train(mode == "training"), given)
        if layer is not None:
            return failed(
                f"the layer {layer} returns NaN or infinity in {mode}",
                "look for a logarithm or root of 0 or less, a division by 0, or weights that are no numbers",
            )
    return holds(f"{len(subject.batch_rows)} examples, in training and in evaluation")


def _first_layer_that_breaks(network: Classifier, tensors: tuple[torch.Tensor, ...]) -> str | None:
    broken: list[str] = []

    def watch(name: str) -> Callable[[nn.Module, object, object], None]:
        def note(module: nn.Module, given: object, output: object) -> None:
            if isinstance(output, torch.Tensor) and output.is_floating_point() and not torch.isfinite(output).all():
                broken.append(name)

        return note

    handles = [module.register_forward_hook(watch(name or "(all)")) for name, module in network.named_modules()]
    try:
        with torch.no_grad():
            network(*tensors)
    finally:
        for handle in handles:
            handle.remove()
    return broken[0] if broken else None


def outputs_are_logits(subject: Subject) -> Judgement:
    """The network returns logits and not probabilities, which the loss would take the softmax of again."""
    if subject.task.is_regression:
        return does_not_apply("the network answers a number")
    logits_BK = evaluated_logits(subject.network().eval(), subject.batch(subject.batch_rows))
    adds_up = torch.allclose(logits_BK.sum(dim=1), torch.ones_like(logits_BK[:, 0]), atol=1e-4)
    if bool((logits_BK >= 0).all()) and adds_up:
        return failed(
            "the outputs of every example are 0 or more and add up to 1: they are probabilities",
            "return logits: take the softmax out of the network, for the loss takes it",
        )
    return holds(f"from {logits_BK.min().item():.3g} to {logits_BK.max().item():.3g}")


def evaluation_is_repeatable(subject: Subject) -> Judgement:
    """Two passes in evaluation agree, and leave the network as it was: dropout and batch norm know the mode."""
    network, tensors = subject.network().eval(), subject.batch(subject.batch_rows)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first_BK = evaluated_logits(network, tensors)
    changed = [name for name, value in network.state_dict().items() if not torch.equal(value, before[name])]
    if changed:
        return failed(
            f"a pass in evaluation changes {', '.join(changed[:_SHOWN])}",
            "look for batch norm that stays in training mode, or a layer that learns whenever it is called",
        )
    difference = _difference(first_BK, evaluated_logits(network, tensors))
    if difference > TOLERANCE:
        return failed(
            f"two passes in evaluation differ by {difference:.2g} of the largest logit",
            "look for dropout that is always on (functional.dropout without training=self.training), or noise in "
            "forward",
        )
    return holds(f"two passes differ by {difference:.1g} of the largest logit, and no weight or statistic changes")


def examples_do_not_mix(subject: Subject) -> Judgement:
    """An example's output depends on nothing else in its batch: not on others, their order, or padding."""
    network, rows = subject.network().eval(), subject.batch_rows
    together_BK = evaluated_logits(network, subject.batch(rows))
    order = np.roll(np.arange(len(rows))[::-1], 1)
    others = {
        "alone": torch.cat(
            [evaluated_logits(network, subject.batch(rows[number : number + 1])) for number in range(2)]
        ),
        "in another order": evaluated_logits(network, subject.batch(rows[order]))[np.argsort(order)],
        "with more padding": evaluated_logits(network, _padded(subject, rows)),
    }
    scale = together_BK.abs().max()
    for how, logits_BK in others.items():
        difference = _difference(together_BK[: len(logits_BK)], logits_BK, scale=scale)
        if difference > TOLERANCE:
            return failed(
                f"an example's outputs {how} differ by {difference:.2g} of the largest logit from those in its batch",
                "look for a mean, a normalisation or a softmax over the batch's dimension, a reshape that mixes "
                "examples, or padding that is not masked",
            )
    if (mixed := _gradient_of_others(network, subject)) is not None:
        return mixed
    return holds("the same alone, in another order, and padded")


def _padded(subject: Subject, rows: np.ndarray) -> tuple[torch.Tensor, ...]:
    inputs = subject.store.gather(rows)
    for name, spec in subject.store.input_specs.items():
        if spec.shape == RAGGED:
            inputs[name] = np.pad(inputs[name], ((0, 0), (0, _PADDING)))
    return subject.tensors(inputs)


def _gradient_of_others(network: Classifier, subject: Subject) -> Judgement | None:
    tensors = subject.batch(subject.batch_rows)
    watched = [tensor.requires_grad_() for tensor in tensors if tensor.is_floating_point()]
    logits_BK = network(*tensors)
    if not watched or not logits_BK.requires_grad:
        return None
    gradients = torch.autograd.grad(logits_BK[0].sum(), watched, allow_unused=True)
    if any(gradient is not None and bool((gradient[1:] != 0).any()) for gradient in gradients):
        return failed(
            "the gradient of the first example's output reaches the inputs of others",
            "look for a sum or a normalisation over the batch's dimension",
        )
    return None


def gradients_reach_every_weight(subject: Subject) -> Judgement:
    """Every trainable tensor gets a finite gradient that is not all 0, at the start or after a few steps."""
    network, rows = subject.network(), subject.batch_rows
    trainable = {name: value for name, value in network.named_parameters() if value.requires_grad}
    if not trainable:
        return failed("no weight is trainable", "look for requires_grad_(False), or a frozen network without a head")
    tensors, labels_B = subject.batch(rows), subject.labels(rows)
    optimizer = torch.optim.SGD(trainable.values(), lr=_WARM_UP_RATE)
    reached: set[str] = set()
    # A layer that starts at 0 on purpose hides those before it from the first gradient alone.
    for _ in range(_WARM_UP_STEPS):
        optimizer.zero_grad()
        logits_BK = network(*tensors)
        if not logits_BK.requires_grad:
            break
        subject.task.losses(logits_BK, labels_B).mean().backward()
        for name, value in trainable.items():
            if value.grad is not None and not torch.isfinite(value.grad).all():
                return failed(
                    f"the gradient of {name} holds NaN or infinity",
                    "look for a root, a norm or a division at 0, whose derivative is infinite",
                )
            if value.grad is not None and bool((value.grad != 0).any()):
                reached.add(name)
        optimizer.step()
    dead = [name for name in trainable if name not in reached]
    if dead:
        shown = ", ".join(dead[:_SHOWN]) + (" ..." if len(dead) > _SHOWN else "")
        return failed(
            f"{len(dead)} of {len(trainable)} trainable tensors get no gradient: {shown}",
            "look for a layer that is never called, a detached tensor, or outputs that are cut to 0",
        )
    return holds(f"{len(trainable)} trainable tensors, each with a gradient")


def devices_agree(subject: Subject) -> Judgement:
    """A GPU's outputs are a CPU's."""
    if subject.device.type != "cuda":
        return does_not_apply("there is one kind of device")
    if len(subject.batch_rows) < 2:
        return not_judged("there is one example")
    network = subject.network().eval()
    tensors = subject.batch(subject.batch_rows)
    on_gpu_BK = evaluated_logits(network, tensors).cpu()
    on_cpu_BK = evaluated_logits(network.cpu(), tuple(tensor.cpu() for tensor in tensors))
    difference = _difference(on_cpu_BK, on_gpu_BK)
    if difference > TOLERANCE:
        return failed(
            f"outputs differ by {difference:.2g} of the largest logit",
            "look for a tensor that stays on one device, or a layer with another algorithm on a GPU",
        )
    return holds(f"outputs differ by {difference:.1g} of the largest logit")


def _difference(first: torch.Tensor, second: torch.Tensor, *, scale: torch.Tensor | None = None) -> float:
    largest = first.abs().max() if scale is None else scale
    return float(((first - second).abs().max() / largest.clamp(min=1e-6)).item())
