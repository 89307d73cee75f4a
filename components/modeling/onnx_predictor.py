"""A release whose network ONNX Runtime computes: no torch, and on a processor often a third of its time.

The graph lies in the release as `network.onnx`, made and compared with the model when it was published.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from components.modeling.answers import Prediction, target_scale_from
from components.modeling.features import Features, features_from
from components.modeling.prepared_model import PreparedModel
from components.shared.contracts.bundle import BundleConfig, file_listing, NETWORK_FILE, read_config
from components.shared.feature_store.blocks import PADDING
from components.shared.runtime.errors import ContractError

EMBEDDINGS, ANSWERS = "embeddings", "answers"
_ERROR = 3


class OnnxPredictor(PreparedModel):
    """A loaded release that computes with ONNX Runtime on the processor.

    Parameters
    ----------
    network
        The graph, as `onnx_export` makes it.
    num_threads
        Threads of one prediction, 1 or more.

    Raises
    ------
    ContractError
        If it is no graph that ONNX Runtime can load, or has other inputs and outputs.
    """

    def __init__(self, network: bytes, config: BundleConfig, features: Features, *, num_threads: int) -> None:
        super().__init__(config, features)
        self._scale = target_scale_from(config.preprocessing) if config.is_regression else None
        onnxruntime.disable_telemetry_events()  # setup.cfg takes a release that has none on Linux; others may
        try:
            self._session = onnxruntime.InferenceSession(
                network, _options(num_threads), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the library has no error of its own
            raise ContractError(f"{NETWORK_FILE} must be a graph that ONNX Runtime can load: {error}") from error
        self._names = [given.name for given in self._session.get_inputs()]
        outputs = [output.name for output in self._session.get_outputs()]
        if not set(self._names) <= set(features.input_specs) or outputs != [EMBEDDINGS, ANSWERS]:
            raise ContractError(
                f"{NETWORK_FILE} must take {', '.join(features.input_specs)} and give {EMBEDDINGS}, {ANSWERS}, "
                f"but takes {', '.join(self._names)} and gives {', '.join(outputs)}"
            )

    def predict(self, inputs: Mapping[str, np.ndarray]) -> Prediction:
        """Predict B prepared examples, as `prepare` returns them; ValueError if an input is missing or does not fit."""
        self.check_inputs(inputs)
        given = {name: _never_empty(inputs[name]) for name in self._names}
        embeddings_BD, answers_BK = self._session.run(None, given)
        if self._scale is None:
            return Prediction(probabilities_BK=answers_BK, embeddings_BD=embeddings_BD)
        answers = self._scale.answers(answers_BK[:, 0])
        return Prediction(
            probabilities_BK=answers.probabilities_BK, numbers_B=answers.numbers_B, embeddings_BD=embeddings_BD
        )


def load_onnx_predictor(path: str | Path, *, num_threads: int) -> OnnxPredictor:
    """Load a release's graph; nothing else in it is computed, and torch is not needed.

    Raises
    ------
    FileNotFoundError
        If there is no bundle at `path`.
    ContractError
        If the bundle is damaged, or has no graph.
    """
    config = read_config(path)  # which checks every file of the bundle, the graph too
    if not has_network(path):
        raise ContractError(
            f"the bundle at {path} must have {NETWORK_FILE} to be computed without torch, but has none: publish it; "
            "where the publication said why it could have none, serve it with torch"
        )
    try:
        features = features_from(config.modality, config.preprocessing, path)
    except ValueError as error:
        raise ContractError(f"the bundle at {path} cannot be used: {error}") from error
    network = (Path(path) / NETWORK_FILE).read_bytes()
    return OnnxPredictor(network, config, features, num_threads=num_threads)


def has_network(path: str | Path) -> bool:
    """Whether a bundle lists a graph; read its config first, which checks the files."""
    return NETWORK_FILE in file_listing(path)


def _options(num_threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    # Threads that wait for work sleep: spinning ones take the cores from whoever works beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERROR
    return options


def _never_empty(value: np.ndarray) -> np.ndarray:
    """Ragged rows of the length 0 get padding: graphs are traced with a length."""
    return value if value.size or value.shape[1:] != (0,) else np.full((len(value), 1), PADDING, value.dtype)
