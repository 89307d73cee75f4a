"""The smoke test: one iteration, then one epoch on a tiny sample, and what a broken training would show in them."""

from collections.abc import Iterator
from dataclasses import dataclass
import logging
import math
from pathlib import Path
import tempfile

import numpy as np
import torch
from torch.nn import functional

from components.modeling.backbones import BackboneConfig, build_classifier, Classifier
from components.modeling.predictor import load_predictor, weights_of
from components.modeling.preprocessing import normalize, preprocessing_from
from components.shared.bundle import BundleConfig, write_bundle
from components.shared.feature_store import ImageStore
from components.shared.verdict import Finding
from components.training.batches import tiny_sample
from components.training.checkpoints import CheckpointFolder
from components.training.fit import fit, FitResult
from components.training.recipes import smoke, smoke_iteration

logger = logging.getLogger(__name__)

CHECK_NAMES = (
    "classes",
    "initial loss",
    "gradients",
    "one iteration",
    "one epoch",
    "weights move",
    "save and load",
)
_SAMPLE = 64
_ROUND_TRIP_TOLERANCE = 1e-4
_INITIAL_LOSS_FACTOR = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SmokeCheck:
    """One check: its name, what was measured, and a finding where it failed."""

    name: str
    measured: str
    finding: Finding | None = None


def smoke_checks(store: ImageStore, backbone: BackboneConfig, *, seed: int, device: torch.device) -> list[SmokeCheck]:
    """Run the smoke test.

    Parameters
    ----------
    store
        The feature store; a tiny sample of it is used.
    backbone
        The network of the full run.
    seed
        The run's seed.
    device
        Where it computes.

    Returns
    -------
    list of SmokeCheck
        In the order they ran; the first failed one ends the list, for the others could not be judged.
    """
    checks: list[SmokeCheck] = []
    try:
        for check in _checks(store, backbone, seed, device):
            checks.append(check)
            if check.finding is not None:
                break
    except Exception as error:
        # The code under test may raise anything; whatever it is, it is what this step exists to find.
        logger.exception("the smoke test stopped")
        message = (
            f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no message'}"
        )
        checks.append(
            _failed(CHECK_NAMES[len(checks)], message, "the code fails on a tiny sample: read the step's log")
        )
    return checks


def _checks(store: ImageStore, backbone: BackboneConfig, seed: int, device: torch.device) -> Iterator[SmokeCheck]:
    yield _classes_check(store)
    fresh = _fresh(store, backbone, seed)
    yield _initial_loss_check(fresh, store)
    yield _gradient_check(fresh)
    with tempfile.TemporaryDirectory(prefix="smoke-") as scratch:
        step = CheckpointFolder(uri=f"{scratch}/step")
        result = fit(store, smoke_iteration(backbone), seed=seed, device=device, checkpoints=step)
        yield SmokeCheck(name="one iteration", measured=f"loss {result.curves[-1]['train_loss']:.3f}")
        epoch = CheckpointFolder(uri=f"{scratch}/epoch")
        result = fit(store, smoke(backbone), seed=seed, device=device, checkpoints=epoch)
        yield SmokeCheck(name="one epoch", measured=f"loss {result.curves[-1]['train_loss']:.3f}")
        yield _learning_check(_fresh(store, backbone, seed), result)
        yield _round_trip_check(store, backbone, result, Path(scratch) / "bundle")


def _fresh(store: ImageStore, backbone: BackboneConfig, seed: int) -> Classifier:
    torch.manual_seed(seed)
    return build_classifier(backbone, num_classes=len(store.class_names), load_pretrained=True)


def _failed(name: str, message: str, remedy: str) -> SmokeCheck:
    finding = Finding(kind="quality", severity="blocking", name=name, message=message, remedy=remedy)
    return SmokeCheck(name=name, measured=message, finding=finding)


def _classes_check(store: ImageStore) -> SmokeCheck:
    name = "classes"
    present = np.unique(store.labels[store.indices("train")])
    missing = [store.class_names[index] for index in range(len(store.class_names)) if index not in present]
    if missing:
        return _failed(
            name,
            f"no training example of {', '.join(missing)}",
            "collect examples, or leave the class out of the problem",
        )
    return SmokeCheck(name=name, measured=f"{len(present)} classes, each with training examples")


def _sample_batch(store: ImageStore) -> tuple[torch.Tensor, torch.Tensor]:
    rows = tiny_sample(store.indices("train"), store.labels, max_examples=_SAMPLE)
    normalization = preprocessing_from(store.preparation["preprocessing"]).normalization
    images_BCHW = normalize(torch.from_numpy(store.gather(rows)), normalization)
    return images_BCHW, torch.from_numpy(store.labels[rows])


def _initial_loss_check(classifier: Classifier, store: ImageStore) -> SmokeCheck:
    name = "initial loss"
    images_BCHW, labels_B = _sample_batch(store)
    loss = functional.cross_entropy(classifier.train()(images_BCHW), labels_B)
    loss.backward()
    chance = math.log(len(store.class_names))
    measured = f"{loss.item():.3f}, by chance {chance:.3f}"
    if not math.isfinite(loss.item()) or loss.item() > _INITIAL_LOSS_FACTOR * chance + 1.0:
        return _failed(name, measured, "look at the normalisation of the inputs and the initial weights")
    return SmokeCheck(name=name, measured=measured)


def _gradient_check(classifier: Classifier) -> SmokeCheck:
    name = "gradients"
    trainable = [(path, value) for path, value in classifier.named_parameters() if value.requires_grad]
    dead = [path for path, value in trainable if value.grad is None or not torch.isfinite(value.grad).all()]
    if dead or not trainable:
        shown = ", ".join(dead[:3]) or "none is trainable"
        message = f"{len(dead)} of {len(trainable)} trainable tensors get no finite gradient: {shown}"
        return _failed(name, message, "look for a detached tensor, an unused layer, or NaN in a layer's output")
    return SmokeCheck(name=name, measured=f"{len(trainable)} trainable tensors, each with a finite gradient")


def _learning_check(fresh: Classifier, result: FitResult) -> SmokeCheck:
    name = "weights move"
    before = dict(fresh.named_parameters())
    moved = [
        path
        for path, value in result.classifier.named_parameters()
        if value.requires_grad and not torch.equal(value, before[path])
    ]
    if not moved:
        return _failed(name, "no trainable weight changed in one epoch", "look at the optimiser and the learning rate")
    return SmokeCheck(name=name, measured=f"{len(moved)} tensors changed in one epoch")


def _round_trip_check(store: ImageStore, backbone: BackboneConfig, result: FitResult, folder: Path) -> SmokeCheck:
    name = "save and load"
    config = BundleConfig(
        task="image_classification",
        class_names=store.class_names,
        backbone=backbone.to_dict(),
        preprocessing=store.preparation["preprocessing"],
    )
    write_bundle(folder, config, weights_of(result.classifier))
    rows = tiny_sample(store.indices("train"), store.labels, max_examples=_SAMPLE)
    loaded = load_predictor(folder, device="cpu").predict(store.gather(rows)).probabilities_BK
    with torch.inference_mode():
        trained = result.classifier(_sample_batch(store)[0]).softmax(dim=1).numpy()
    difference = float(np.abs(loaded - trained).max())
    if not difference <= _ROUND_TRIP_TOLERANCE:
        return _failed(
            name,
            f"probabilities differ by {difference:.2g} after loading",
            "look for state outside the network's weights",
        )
    return SmokeCheck(name=name, measured=f"probabilities equal to {difference:.1g} after loading")
