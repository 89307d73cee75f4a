"""From requests to the rows of the log: columns as the contract has them, as much of them as the policy keeps.

Shapes: N rows of all requests together, K classes, D numbers of an embedding.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
import logging
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo
from components.shared.serving_log.contract_columns import CONTRACT_ROLES, TIME
from components.shared.serving_log.joined_values import joined_lists, joined_values
from components.shared.serving_log.payload_policy import kept_payloads, KeptPayloads, PayloadPolicy
from components.shared.serving_log.redacted_columns import redacted_column
from components.shared.serving_log.served_request import ServedModel, ServedRequest
from components.shared.tables.text_measures import text_measures

logger = logging.getLogger(__name__)

# Measures of payloads, N values a name, null where a payload is missing or cannot be measured.
Measure = Callable[[pa.Array], Mapping[str, pa.Array]]
_PAYLOADS = ("image", "text")
_OF_THE_DATA = "data."


class RowMaker:
    """Makes rows of a log out of what one model answered.

    Parameters
    ----------
    model
        Who answered, and the roles of the data's columns.
    policy
        How much of the inputs is kept.
    measure
        What is derived of payloads: called with `image` or `text`, shape (N,). Texts are measured as ingestion does
        where None; photos are not measured then.
    """

    def __init__(self, model: ServedModel, policy: PayloadPolicy, *, measure: Measure | None = None) -> None:
        self._model = model
        self._policy = policy
        self._measure = measure or (_measured_texts if model.info.modality == "text" else None)
        looks = policy.kind == "sampled" and policy.drift_quantile is not None
        self._reference = model.reference if looks else None
        self._far = self._reference.distance_at(policy.drift_quantile or 0.0) if self._reference else np.inf

    def rows(self, requests: Sequence[ServedRequest]) -> pa.RecordBatch:
        """Rows of some requests, in their order, redacted.

        Raises
        ------
        ValueError, TypeError
            If what a request holds goes not together: columns of several lengths, values of no type.
        """
        counts = np.array([request.num_rows for request in requests])
        columns = self._answers(requests, counts)
        kept = self._kept_payloads(requests, columns["row"].to_numpy(), counts)
        columns |= self._united([request.context for request in requests], counts)
        columns |= self._inputs(self._united([request.features for request in requests], counts), kept.weights)
        if self._policy.keeps_payloads:
            columns |= payload_columns(kept)
        roles = self.roles(columns)
        unchanged = self._model.kept
        shown = [redacted_column(name, values, roles[name], kept=unchanged) for name, values in columns.items()]
        return pa.RecordBatch.from_arrays(shown, list(columns))

    def info(self, columns: Sequence[str]) -> ExampleTableInfo:
        """Modality, task and the roles of rows with these columns."""
        return replace(self._model.info, class_names=(), column_roles=self.roles(columns))

    def roles(self, columns: Sequence[str] | Mapping[str, Any]) -> dict[str, tuple[ColumnRole, ...]]:
        """Roles of columns: the contract's, or the data's; others are features of tables, and derived elsewhere."""
        return {name: (CONTRACT_ROLES[name],) if name in CONTRACT_ROLES else self._data_roles(name) for name in columns}

    def _data_roles(self, name: str) -> tuple[ColumnRole, ...]:
        source = name.removeprefix(_OF_THE_DATA)
        if source in self._model.info.column_roles:
            return self._model.info.roles_of(source)
        return ("feature",) if self._model.info.modality == "tabular" else ("derived",)

    def _answers(self, requests: Sequence[ServedRequest], counts: np.ndarray) -> dict[str, pa.Array]:
        num_rows = int(counts.sum())
        of_request = pa.array(np.repeat(np.arange(len(requests)), counts))
        rows = [np.arange(request.num_rows) if request.rows is None else request.rows for request in requests]
        columns = {
            "request_id": pa.array([request.request_id for request in requests], pa.string()).take(of_request),
            "row": pa.array(np.concatenate([*rows, np.empty(0)]).astype(np.int32)),
            "event_time": pa.array([request.time_ns // 1000 for request in requests]).cast(TIME).take(of_request),
            "model_name": pa.repeat(pa.scalar(self._model.name), num_rows),
            "model_revision": pa.repeat(pa.scalar(self._model.version), num_rows),
            "predicted": self._predicted(requests, counts),
            "probabilities": joined_lists([request.probabilities for request in requests], counts, pa.float64()),
            "embedding": joined_lists([request.embeddings for request in requests], counts, pa.float32()),
            "sampling_weight": pa.array([float(request.sampling_weight) for request in requests]).take(of_request),
        }
        return {name: values for name, values in columns.items() if values is not None}

    def _predicted(self, requests: Sequence[ServedRequest], counts: np.ndarray) -> pa.Array:
        is_number = self._model.info.task == "regression"
        given = [request.predictions if is_number else request.labels for request in requests]
        return joined_values(given, counts).cast(pa.float64() if is_number else pa.string())

    def _kept_payloads(self, requests: Sequence[ServedRequest], rows_N: np.ndarray, counts: np.ndarray) -> KeptPayloads:
        names: list[str] = []
        probabilities: list[np.ndarray | None] = []
        for request, count in zip(requests, counts.tolist(), strict=True) if self._policy.keeps_payloads else ():
            names += [request.request_id] * count
            probabilities += [None] * count if request.probabilities is None else list(request.probabilities)
        return kept_payloads(self._policy, names, rows_N, probabilities, is_far=self._is_far(requests, counts))

    def _is_far(self, requests: Sequence[ServedRequest], counts: np.ndarray) -> np.ndarray | None:
        """Which rows lie far from the model's held-out ones, shape (N,); None where that is not asked or not known."""
        if self._reference is None:
            return None
        return np.concatenate(
            [
                np.zeros(count, dtype=bool)
                if request.embeddings is None
                else self._reference.distances_of(request.embeddings) > self._far
                for request, count in zip(requests, counts.tolist(), strict=True)
            ]
        )

    def _inputs(self, features: Mapping[str, pa.Array], weights_N: np.ndarray) -> dict[str, pa.Array]:
        """Features, payload and what is derived of it, as the policy keeps them."""
        if self._policy.kind == "none":
            return {}
        columns: dict[str, pa.Array] = {}
        without = pa.array(weights_N == 0.0)
        for name, values in features.items():
            if name in _PAYLOADS and self._model.info.modality == name:
                columns |= self._derived(values)
            elif "pii" not in self.roles([name])[name] or name in self._model.kept:
                columns[name] = values
                continue
            if self._policy.keeps_payloads:
                columns[name] = pc.if_else(without, pa.scalar(None, values.type), values)
        return columns

    def _derived(self, payloads: pa.Array) -> dict[str, pa.Array]:
        if self._measure is None:
            return {}
        try:
            return dict(self._measure(payloads))
        except (ValueError, OSError, pa.ArrowException):
            logger.warning("%d payloads could not be measured: their rows are logged without", len(payloads))
            return {}

    def _own_name(self, name: str) -> str:
        """A data column's name in the log: another one where the contract means something else by it."""
        is_payload = name in _PAYLOADS and name == self._model.info.modality
        return f"{_OF_THE_DATA}{name}" if name in CONTRACT_ROLES and not is_payload else name

    def _united(self, given: Sequence[Mapping[str, Any]], counts: np.ndarray) -> dict[str, pa.Array]:
        """Columns of all requests, null where one lacks a column."""
        names = dict.fromkeys(name for columns in given for name in columns)
        return {self._own_name(name): joined_values([columns.get(name) for columns in given], counts) for name in names}


def payload_columns(kept: KeptPayloads) -> dict[str, pa.Array]:
    """Weight and draw of N kept payloads, null where one is not kept."""
    without = kept.weights == 0.0
    return {
        "payload_weight": pa.array(kept.weights, mask=without),
        "payload_draw": pa.array(kept.draws.tolist(), pa.string()),
    }


def _measured_texts(texts: pa.Array) -> dict[str, pa.Array]:
    """Measures of texts (N,), null where a text is."""
    missing = pc.is_null(texts)
    measures = text_measures(pc.fill_null(texts, ""))
    return {name: pc.if_else(missing, pa.scalar(None, values.type), values) for name, values in measures.items()}
