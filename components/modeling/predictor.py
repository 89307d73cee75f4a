"""A bundle as something that predicts: what analysis, labelling and serving share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from components.modeling.backbones import backbone_config_from, build_classifier, Classifier
from components.modeling.devices import choose_device
from components.modeling.preprocessing import normalize, prepare_image, Preprocessing, preprocessing_from
from components.shared.bundle import BundleConfig, read_config, read_weights
from components.shared.errors import ContractError


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a model says of B examples.

    Attributes
    ----------
    probabilities_BK
        Shape (B, K), float32; each row adds up to 1.
    embeddings_BD
        Shape (B, D), float32: what the head sees.
    """

    probabilities_BK: np.ndarray
    embeddings_BD: np.ndarray


class Predictor:
    """A loaded model with its preprocessing.

    Parameters
    ----------
    classifier
        The network; it is put into evaluation mode on `device`.
    config
        Its bundle's config.
    device
        Where it computes.
    """

    def __init__(self, classifier: Classifier, config: BundleConfig, *, device: torch.device) -> None:
        self.config = config
        self.preprocessing: Preprocessing = preprocessing_from(config.preprocessing)
        self.device = device
        self._classifier = classifier.to(device).eval()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names in the order of the probabilities."""
        return self.config.class_names

    def prepare(self, encoded: Sequence[bytes]) -> np.ndarray:
        """Decode and resize image files, shape (B, S, S, 3), uint8; see `prepare_image`."""
        size = self.preprocessing.image_size
        images = [prepare_image(data, self.preprocessing) for data in encoded]
        return np.stack(images) if images else np.empty((0, size, size, 3), np.uint8)

    def predict(self, images_BHWC: np.ndarray) -> Prediction:
        """Predict prepared images.

        Parameters
        ----------
        images_BHWC
            Shape (B, S, S, 3), uint8, as `prepare` returns them.

        Raises
        ------
        ValueError
            If shape or type are not the model's.
        """
        size = self.preprocessing.image_size
        if images_BHWC.dtype != np.uint8 or images_BHWC.ndim != 4 or images_BHWC.shape[1:] != (size, size, 3):
            raise ValueError(
                f"images must be uint8 of the shape (B, {size}, {size}, 3), got {images_BHWC.dtype} {images_BHWC.shape}"
            )
        # TensorFloat-32 would make a GPU's probabilities differ from a CPU's in the third digit.
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            images = torch.from_numpy(np.ascontiguousarray(images_BHWC)).to(self.device)
            embeddings = self._classifier.embed(normalize(images, self.preprocessing.normalization))
            probabilities = self._classifier.head(embeddings).softmax(dim=1)
        return Prediction(
            probabilities_BK=probabilities.float().cpu().numpy(), embeddings_BD=embeddings.float().cpu().numpy()
        )


def load_predictor(path: str | Path, *, device: str = "auto") -> Predictor:
    """Load a bundle; nothing in it is executed.

    Parameters
    ----------
    path
        The bundle's folder.
    device
        `auto`, `cpu` or `cuda`.

    Raises
    ------
    FileNotFoundError
        If there is no bundle at `path`.
    ContractError
        If the bundle is damaged, its backbone unknown, or its weights do not fit the backbone.
    """
    config = read_config(path)
    try:
        preprocessing_from(config.preprocessing)
        backbone = backbone_config_from(config.backbone)
        classifier = build_classifier(backbone, num_classes=len(config.class_names), load_pretrained=False)
    except ValueError as error:
        raise ContractError(f"the bundle at {path} cannot be used: {error}") from error
    load_weights(classifier, read_weights(path), where=path)
    return Predictor(classifier, config, device=choose_device(device))


def load_weights(classifier: Classifier, weights: dict[str, np.ndarray], *, where: str | Path) -> None:
    """Put a bundle's weights into a network, refusing any that do not fit.

    Raises
    ------
    ContractError
        If names or shapes differ, or a weight is no finite number.
    """
    wanted = classifier.state_dict()
    if set(wanted) != set(weights):
        differ = sorted(set(wanted) ^ set(weights))
        raise ContractError(
            f"the weights at {where} must be those of the backbone; {len(differ)} names differ, {differ[0]} first"
        )
    for name, value in weights.items():
        if tuple(wanted[name].shape) != value.shape:
            raise ContractError(
                f"the weight {name} at {where} must have the shape {tuple(wanted[name].shape)}, got {value.shape}"
            )
        if not np.isfinite(value).all():
            raise ContractError(f"the weight {name} at {where} must be finite, but holds NaN or infinity")
    classifier.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})


def weights_of(classifier: Classifier) -> dict[str, np.ndarray]:
    """A network's weights as a bundle keeps them."""
    return {name: value.detach().cpu().numpy() for name, value in classifier.state_dict().items()}
