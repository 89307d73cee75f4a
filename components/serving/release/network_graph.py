"""A release's network as an ONNX graph: made when it is published, and only where its answers are the model's own."""

from collections.abc import Mapping, Sequence
import logging
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.modeling.onnx_export import ExportError, onnx_network
from components.modeling.onnx_predictor import has_network, OnnxPredictor
from components.modeling.predictor import load_predictor, Predictor
from components.modeling.trial_rows import largest_difference, trial_inputs
from components.shared.contracts.bundle import NETWORK_FILE
from components.shared.contracts.example_table import ExampleTable

logger = logging.getLogger(__name__)

# The difference of a probability, and of a number in standard deviations of the training labels.
MAX_DIFFERENCE = 1e-5
_NUM_GOLDEN = 32
_NUM_TRIED = 8
_NUM_TRACED = 2


def network_graph(bundle: str | Path, *, examples: str | Path | None = None) -> bytes | None:
    """The graph of a bundle's network, with its weights; None where the release goes without.

    The bundle may have one already, which stays; else it is exported, computed by ONNX Runtime, and compared with the
    model itself on made-up rows and on held-out examples. Where that fails or answers differ by more than
    `MAX_DIFFERENCE`, the log says why in one sentence: the release is served with torch.

    Parameters
    ----------
    bundle
        A bundle that can be read.
    examples
        The example table, for up to 32 of its held-out rows; None for made-up rows alone.
    """
    if has_network(bundle):
        return None
    try:
        predictor = load_predictor(bundle, device="cpu")
        graph = onnx_network(predictor, trial_inputs(predictor, _NUM_TRACED))
        computed = OnnxPredictor(graph, predictor.config, predictor.features, num_threads=1)
        difference = _difference(predictor, computed, _golden_inputs(predictor, examples))
    except Exception as error:  # the edge of what others' code may do: a release is good without a graph
        logger.warning("the release has no %s, and is served with torch: %s", NETWORK_FILE, _reason(error))
        return None
    if not difference <= MAX_DIFFERENCE:
        logger.warning(
            "the release has no %s, and is served with torch: answers differ from the model's by %.1g, more than %g",
            NETWORK_FILE,
            difference,
            MAX_DIFFERENCE,
        )
        return None
    logger.info("the release has %s: its answers differ from the model's by at most %.1g", NETWORK_FILE, difference)
    return graph


def _golden_inputs(predictor: Predictor, examples: str | Path | None) -> list[dict[str, np.ndarray]]:
    made_up = [trial_inputs(predictor, 1), trial_inputs(predictor, _NUM_TRIED)]
    if examples is None:
        return made_up
    columns = _held_out_rows(ExampleTable(examples), predictor.features.columns)
    return [*made_up, predictor.prepare(columns)] if columns else made_up


def _held_out_rows(table: ExampleTable, columns: Sequence[str]) -> Mapping[str, pa.Array]:
    for split in ("test", "validation"):
        for batch in table.iter_batches(list(columns), splits=[split], batch_rows=_NUM_GOLDEN):
            return dict(zip(batch.schema.names, batch.columns, strict=True))
    return {}


def _difference(model: Predictor, computed: OnnxPredictor, golden: Sequence[Mapping[str, np.ndarray]]) -> float:
    differences = [largest_difference(model, model.predict(rows), computed.predict(rows)) for rows in golden]
    return float(np.max(differences))  # which is nan where one is


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, ExportError | ValueError) else f"{type(error).__name__}: {error}"
