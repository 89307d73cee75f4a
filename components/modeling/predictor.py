"""A bundle as something that predicts: what analysis, labelling and serving share."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from components.modeling.answers import Prediction
from components.modeling.backbone_config import backbone_config_from
from components.modeling.classifier import build_classifier, Classifier
from components.modeling.dropout_sampling import dropout_active, DropoutSampling, has_dropout, mutual_information
from components.modeling.features import Features, features_from
from components.modeling.gpu.devices import choose_device, tensors_on
from components.modeling.prepared_model import PreparedModel
from components.modeling.task import task_from
from components.shared.contracts.bundle import BundleConfig, read_config, read_weights
from components.shared.runtime.errors import ContractError


class Predictor(PreparedModel):
    """A loaded model with the preparation of its examples; the classifier is put into evaluation mode on `device`."""

    def __init__(
        self, classifier: Classifier, config: BundleConfig, features: Features, *, device: torch.device
    ) -> None:
        super().__init__(config, features)
        self.device = device
        self.task = task_from(config.task, config.class_names, config.preprocessing)
        self._classifier = classifier.to(device).eval()
        self._half = False

    @property
    def classifier(self) -> Classifier:
        """The network, in evaluation mode."""
        return self._classifier

    def predict(self, inputs: Mapping[str, np.ndarray], *, dropout: DropoutSampling | None = None) -> Prediction:
        """Predict B prepared examples, as `prepare` returns them.

        With `dropout` the prediction also says how far answers vary under dropout (`mutual_information`); the
        probabilities are those without it.

        Raises
        ------
        ValueError
            If an input is missing, its type or shape is not the model's, or dropout is asked of a model without it.
        """
        self.check_inputs(inputs)
        # TensorFloat-32 would make a GPU's probabilities differ from a CPU's in the third digit.
        half = torch.autocast(self.device.type, torch.bfloat16, enabled=self._half)
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False), half:
            tensors = self.features.tensors(tensors_on(self.device, inputs))
            embeddings, outputs = self._classifier.embed_and_score(*tensors)
            answers = self.task.answers(outputs)
            varied = None if dropout is None else self._mutual_information(embeddings, tensors, dropout)
        return Prediction(
            probabilities_BK=answers.probabilities_BK,
            numbers_B=answers.numbers_B,
            embeddings_BD=embeddings.float().cpu().numpy(),
            mutual_information_B=varied,
        )

    def check_dropout(self) -> None:
        """Raise ValueError where nothing can be told from dropout: the model has none, or answers a number."""
        if self.task.is_regression:
            raise ValueError("dropout passes must be asked of a model of classes, but this one answers a number")
        if not has_dropout(self._classifier):
            raise ValueError(
                "dropout passes must be asked of a model with dropout, but this one has none: ask for 0, and choose "
                "by entropy"
            )

    def _mutual_information(
        self, embeddings: torch.Tensor, tensors: tuple[torch.Tensor, ...], dropout: DropoutSampling
    ) -> np.ndarray:
        self.check_dropout()
        with dropout_active(self._classifier, dropout, self.device):
            outputs_TBK = self._classifier.varied_scores(embeddings, *tensors, num_passes=dropout.num_passes)
        return mutual_information(np.stack([self.task.answers(outputs).probabilities_BK for outputs in outputs_TBK]))

    def tensors(self, inputs: Mapping[str, np.ndarray]) -> tuple[torch.Tensor, ...]:
        """What the network gets of B prepared examples, on its device; ValueError as `predict`."""
        self.check_inputs(inputs)
        return self.features.tensors(tensors_on(self.device, inputs))

    def differentiable_outputs(self, *tensors: torch.Tensor) -> torch.Tensor:
        """Outputs, shape (B, K), of what the network gets, with gradients through frozen parts, too."""
        network = self._classifier
        was_frozen = bool(getattr(network, "frozen", False))
        try:
            if was_frozen:
                network.frozen = False  # type: ignore[assignment]
            outputs: torch.Tensor = network(*tensors)
        finally:
            if was_frozen:
                network.frozen = True  # type: ignore[assignment]
        return outputs

    def lay_out(self, *, channels_last: bool) -> None:
        """Keep the weights of convolutions with their channels last in memory, or first; the answers are the same."""
        self._classifier.to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)  # type: ignore[call-overload]

    def compute_in_half(self, half: bool) -> None:
        """Multiply in bfloat16, or in float32 as the model was trained; answers differ in the third digit."""
        self._half = half


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
        features = features_from(config.modality, config.preprocessing, path)
        backbone = backbone_config_from(config.backbone)
        task = task_from(config.task, config.class_names, config.preprocessing)
        classifier = build_classifier(backbone, features, num_classes=task.num_outputs, load_pretrained=False)
    except ValueError as error:
        raise ContractError(f"the bundle at {path} cannot be used: {error}") from error
    load_weights(classifier, read_weights(path), where=path)
    return Predictor(classifier, config, features, device=choose_device(device))


def load_weights(classifier: Classifier, weights: dict[str, np.ndarray], *, where: str | Path) -> None:
    """Put a bundle's weights into a network; ContractError if a name or shape differs or one is not finite."""
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
