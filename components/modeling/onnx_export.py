"""A model's network as an ONNX graph: from prepared inputs to embeddings and answers, for servers without torch.

What `Features.tensors` does to inputs, and the softmax over classes, are part of the graph: who runs it needs arrays
alone. Weights lie in the file; nothing in it is executed but ONNX's operators. The same bundle and the same torch give
the same bytes, for a release's version is made of them.
"""

from collections.abc import Mapping
import io
import logging
from typing import Any
import warnings

import numpy as np
import torch
from torch import nn

from components.modeling.onnx_predictor import ANSWERS, EMBEDDINGS
from components.modeling.predictor import Predictor

OPSET = 17
# A protobuf message ends at 2 GB.
_MOST_BYTES = 1_900_000_000


class ExportError(Exception):
    """Why a network has no ONNX graph, in words."""


def onnx_network(predictor: Predictor, inputs: Mapping[str, np.ndarray]) -> bytes:
    """The graph of a model, as a file; the number of rows, and the length of ragged inputs, are free.

    Parameters
    ----------
    predictor
        The model, on the CPU.
    inputs
        Some prepared rows, two or more, to trace it with; ragged ones of a length of two or more.

    Raises
    ------
    ExportError
        If it has an operator that ONNX lacks, a step that depends on its input's values, or is too large for a file.
    """
    network = _Network(predictor, tuple(inputs))
    num_bytes = sum(value.nbytes for value in network.state_dict().values())
    if num_bytes > _MOST_BYTES:
        raise ExportError(f"its weights are {num_bytes:,} bytes, and a file of ONNX holds {_MOST_BYTES:,}")
    file = io.BytesIO()
    specs = predictor.features.input_specs
    axes = {name: {0: "rows", 1: f"{name}_length"} if specs[name].is_ragged else {0: "rows"} for name in inputs}
    with warnings.catch_warnings(), torch.no_grad():
        # It says of each export that another exporter is newer; that one needs more packages and writes paths into it.
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                network,
                tuple(torch.from_numpy(np.array(value)) for value in inputs.values()),
                file,  # type: ignore[arg-type]  # this exporter writes to files in memory, too
                dynamo=False,
                opset_version=OPSET,
                input_names=list(inputs),
                output_names=[EMBEDDINGS, ANSWERS],
                dynamic_axes={**axes, EMBEDDINGS: {0: "rows"}, ANSWERS: {0: "rows"}},
                do_constant_folding=False,  # ONNX Runtime does it when it loads, on its own processor
                training=torch.onnx.TrainingMode.PRESERVE,
            )
        except Exception as error:  # the exporter and what it traces raise whatever they like
            logging.getLogger(__name__).debug("the export failed", exc_info=True)
            raise ExportError(_first_line(error)) from error
    return file.getvalue()


class _Network(nn.Module):
    """What is traced: inputs by position, embeddings and answers out."""

    def __init__(self, predictor: Predictor, names: tuple[str, ...]) -> None:
        super().__init__()
        self.classifier = predictor.classifier
        self._features, self._names = predictor.features, names
        self._is_regression = predictor.task.is_regression
        self.eval()

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings, shape (B, D), and probabilities, (B, K), or numbers on the training labels' scale, (B, 1)."""
        tensors = self._features.tensors(dict(zip(self._names, inputs, strict=True)))
        embeddings, outputs = self.classifier.embed_and_score(*tensors)
        return embeddings.float(), outputs.float() if self._is_regression else outputs.float().softmax(dim=1)


def _first_line(error: Any) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
