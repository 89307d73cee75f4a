"""A bundle that prepares examples and predicts, whatever computes its network: torch, or ONNX Runtime without torch."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from components.modeling.answers import Prediction
from components.modeling.features import Features
from components.shared.contracts.bundle import BundleConfig


class PreparedModel(ABC):
    """What analysis and serving ask of a loaded bundle."""

    def __init__(self, config: BundleConfig, features: Features) -> None:
        self.config = config
        self.features = features

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names in the order of the probabilities; none where the model answers a number."""
        return self.config.class_names

    def prepare(self, columns: Mapping[str, pa.Array]) -> dict[str, np.ndarray]:
        """Raw values to inputs, as the feature store holds them; ValueError names what cannot be used."""
        return self.features.prepare(columns)

    @abstractmethod
    def predict(self, inputs: Mapping[str, np.ndarray]) -> Prediction:
        """Predict B prepared examples, as `prepare` returns them; ValueError if an input is missing or of another type.

        Their shapes are checked, too.
        """

    def empty_inputs(self, num_rows: int) -> dict[str, np.ndarray]:
        """Inputs of nothing but padding, B rows each; ragged ones have the length 1."""
        return {name: spec.empty(num_rows, length=1) for name, spec in self.features.input_specs.items()}

    def check_inputs(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Raise ValueError if an input is missing, or its type or shape is not the model's."""
        specs = self.features.input_specs
        if inputs.keys() != specs.keys():
            raise ValueError(f"inputs must be {', '.join(specs)}, got {', '.join(inputs) or 'none'}")
        num_rows = len(next(iter(inputs.values())))
        for name, spec in specs.items():
            value = inputs[name]
            fits = value.ndim == 2 if spec.is_ragged else value.shape[1:] == spec.shape
            if value.dtype != np.dtype(spec.dtype) or not fits or len(value) != num_rows:
                shape = ("B", "T") if spec.is_ragged else ("B", *spec.shape)
                raise ValueError(
                    f"{name} must be {spec.dtype} of the shape ({', '.join(map(str, shape))}), "
                    f"got {value.dtype} {value.shape}"
                )
