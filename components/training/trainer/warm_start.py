"""Training that starts from an earlier model: its weights, as far as they fit."""

from collections.abc import Sequence
import logging
import tempfile

import torch

from components.modeling.classifier import Classifier
from components.shared.contracts.bundle import read_config, read_weights
from components.shared.contracts.bundle_fetch import fetch_bundle

logger = logging.getLogger(__name__)


def start_from_bundle(classifier: Classifier, uri: str, *, task: str, class_names: Sequence[str]) -> None:
    """Take over the weights of a published model, a path or URI, whose name and shape fit; others stay initial.

    Where the classes differ, in number or order, layers of K outputs are not taken over: they would answer for other
    classes. `ValueError` if the bundle is of another task, or not one of its weights fits.
    """
    with tempfile.TemporaryDirectory() as scratch:
        fetch_bundle(uri, scratch)
        config = read_config(scratch)
        if config.task != task:
            raise ValueError(f"a warm start must be of the task {task}, but {uri} is of {config.task}")
        weights = {name: torch.from_numpy(value.copy()) for name, value in read_weights(scratch).items()}
        same_classes = config.class_names == tuple(class_names)
    wanted = classifier.state_dict()
    fits = {name: value for name, value in weights.items() if name in wanted and wanted[name].shape == value.shape}
    if not same_classes:
        fits = {name: value for name, value in fits.items() if not _is_output(name, wanted, len(class_names))}
    if not fits:
        raise ValueError(f"the warm start from {uri} must have weights that fit the network, but none does")
    classifier.load_state_dict(fits, strict=False)
    logger.info("started from %d of %d weights of %s", len(fits), len(wanted), uri)


def _is_output(name: str, wanted: dict[str, torch.Tensor], num_classes: int) -> bool:
    module = name.rpartition(".")[0]
    weight = wanted.get(f"{module}.weight")
    return weight is not None and weight.shape[0] == num_classes and (module == "head" or module.startswith("network"))
