"""From an event to one half of the log's rows: what was asked, or what was answered; and two halves as whole rows.

A half is rows of the log already, redacted and reduced as the policy says, so that nothing touches the disk that may
not be kept. Where the policy keeps payloads of uncertain answers, the half of a request holds its payload until its
answer decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.modeling.images.photo_measures import measured_photos
from components.serving.collector.cloud_events import HalfKind, LoggedEvent
from components.serving.collector.logged_bodies import LoggedRequest, read_answer, read_request
from components.shared.contracts.bundle import BundleConfig
from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo
from components.shared.serving_log.contract_columns import CONTRACT_ROLES
from components.shared.serving_log.joined_values import joined_values
from components.shared.serving_log.payload_policy import kept_payloads, PayloadPolicy
from components.shared.serving_log.served_request import ServedModel, ServedRequest, UNKNOWN_VERSION
from components.shared.serving_log.served_rows import payload_columns, RowMaker
from components.shared.tables.repairs import repaired
from components.shared.tables.value_cleaning import value_cleaning_from

_ANSWER_COLUMNS = ("predicted", "probabilities")


@dataclass(frozen=True, kw_only=True, slots=True)
class Half:
    """Rows of one event.

    Attributes
    ----------
    rows
        As the log has them; a request's without an answer, an answer's without features.
    info
        Modality, task and roles of the rows.
    notes
        What the journal keeps beside: the event's kind, pair and service, when it was received, and what it says of the
        request.
    """

    rows: pa.RecordBatch
    info: ExampleTableInfo
    notes: Mapping[str, Any]

    @property
    def kind(self) -> HalfKind:
        """Which half it is."""
        kind: HalfKind = self.notes["kind"]
        return kind


class HalfMaker:
    """Makes halves out of events.

    Parameters
    ----------
    policy
        How much of the inputs is kept.
    models
        Bundles' configs by the name of their InferenceService. Of a service that is not among them no feature of a
        table and no context is kept: nobody says which of them are personal.
    """

    def __init__(self, policy: PayloadPolicy, models: Mapping[str, BundleConfig] | None = None) -> None:
        self._policy = policy
        self._models = dict(models or {})

    def half(self, event: LoggedEvent) -> Half:
        """The rows of an event; ValueError if its body is none of a request or an answer."""
        if event.kind == "request":
            return self._of_request(event)
        return self._of_answer(event)

    def _of_request(self, event: LoggedEvent) -> Half:
        config = self._models.get(event.service)
        asked = read_request(event.data, config.modality if config else None)  # type: ignore[arg-type]  # of the three
        features = _as_the_model(asked, config)
        keeps_features = config is not None or asked.modality != "tabular"
        request = ServedRequest(
            request_id=asked.request_id or event.event_id,
            time_ns=event.time_ns or time.time_ns(),
            features=features if keeps_features else {},
            labels=[None] * asked.num_rows,
            predictions=[None] * asked.num_rows,
            context=asked.context if config is not None else {},
        )
        stored = PayloadPolicy(kind="full") if self._policy.kind == "sampled" else self._policy
        # Which release answers is said by the answer alone: one that never came is nobody's.
        maker = RowMaker(self._model(event, config, asked.modality), stored, measure=_measure(asked.modality))
        rows = maker.rows([request])
        personal = [
            name for name in features if "pii" in maker.roles([name])[name] or name in (asked.modality, "image")
        ]
        notes = {"request_id": asked.request_id, "payload": [name for name in personal if name in rows.schema.names]}
        return self._half(event, rows, maker, notes)

    def _of_answer(self, event: LoggedEvent) -> Half:
        config = self._models.get(event.service)
        answer = read_answer(event.data)
        modality = config.modality if config else "tabular"
        request = ServedRequest(
            request_id=answer.request_id or event.event_id,
            time_ns=event.time_ns or time.time_ns(),
            labels=answer.labels or [None] * answer.num_rows,
            predictions=answer.predictions or [None] * answer.num_rows,
            probabilities=answer.probabilities,
        )
        is_number = answer.predictions is not None and answer.labels is None
        version = answer.model_version or event.model_version
        model = self._model(event, config, modality, version=version, is_number=is_number)
        maker = RowMaker(model, PayloadPolicy(kind="none"))
        return self._half(event, maker.rows([request]), maker, {"request_id": answer.request_id})

    def _model(
        self,
        event: LoggedEvent,
        config: BundleConfig | None,
        modality: str,
        *,
        version: str | None = None,
        is_number: bool = False,
    ) -> ServedModel:
        name, version = event.service, version or UNKNOWN_VERSION
        if config is not None:
            return ServedModel.of_bundle(config, name=name, version=version)
        info = ExampleTableInfo(
            modality=modality,  # type: ignore[arg-type]  # the constructor checks it
            class_names=(),
            column_roles={},
            task="regression" if is_number else "classification",
        )
        return ServedModel(name=name, version=version, info=info)

    @staticmethod
    def _half(event: LoggedEvent, rows: pa.RecordBatch, maker: RowMaker, notes: Mapping[str, Any]) -> Half:
        columns = [*rows.schema.names, "event_id"]
        arrays = [*rows.columns, pa.repeat(pa.scalar(event.event_id), rows.num_rows)]
        kept = {
            "kind": event.kind,
            "pair": event.pair,
            "key": event.key.hex(),
            "service": event.service,
            "received_ns": time.time_ns(),
            **notes,
        }
        return Half(rows=pa.RecordBatch.from_arrays(arrays, columns), info=maker.info(columns), notes=kept)


def joined_halves(asked: Half, answered: Half, policy: PayloadPolicy) -> Half | None:
    """A request and its answer as whole rows; None where they have not the same number of rows."""
    if asked.rows.num_rows != answered.rows.num_rows:
        return None
    columns = _by_name(asked.rows)
    answer = _by_name(answered.rows)
    columns |= {name: answer[name] for name in _ANSWER_COLUMNS if name in answer}
    if pc.any(pc.not_equal(answer["model_revision"], UNKNOWN_VERSION)).as_py():
        columns["model_revision"] = answer["model_revision"]
    said = answered.notes["request_id"] or asked.notes["request_id"]
    if said:
        columns["request_id"] = pa.repeat(pa.scalar(said), asked.rows.num_rows)
    task = answered.info.task if columns["predicted"] is answer["predicted"] else asked.info.task
    return with_payloads(_of(columns, asked, task=task), policy)


def with_payloads(half: Half, policy: PayloadPolicy) -> Half:
    """Rows with those payloads that the policy keeps, where that depends on the answer."""
    if policy.kind != "sampled" or half.kind != "request":
        return half
    columns = _by_name(half.rows)
    probabilities: list[np.ndarray | None] = [None] * half.rows.num_rows
    if "probabilities" in columns:
        given = columns["probabilities"].to_pylist()
        probabilities = [None if row is None else np.array(row) for row in given]
    names, rows_N = columns["request_id"].to_pylist(), columns["row"].to_numpy()
    kept = kept_payloads(policy, names, rows_N, probabilities)
    without = pa.array(kept.weights == 0.0)
    for name in half.notes["payload"]:
        columns[name] = pc.if_else(without, pa.scalar(None, columns[name].type), columns[name])
    columns |= payload_columns(kept)
    return _of(columns, half, task=half.info.task)


def _of(columns: Mapping[str, pa.Array], half: Half, *, task: Any) -> Half:
    contract = {name: CONTRACT_ROLES[name] for name in columns if name in CONTRACT_ROLES}
    others = {name: half.info.column_roles[name] for name in columns if name not in contract}
    roles: dict[str, ColumnRole | tuple[ColumnRole, ...]] = {**contract, **others}
    info = ExampleTableInfo(modality=half.info.modality, class_names=(), column_roles=roles, task=task)
    return Half(rows=pa.RecordBatch.from_arrays(list(columns.values()), list(columns)), info=info, notes=half.notes)


def _by_name(rows: pa.RecordBatch) -> dict[str, pa.Array]:
    return dict(zip(rows.schema.names, rows.columns, strict=True))


def _as_the_model(asked: LoggedRequest, config: BundleConfig | None) -> Mapping[str, Any]:
    """Features under the model's names, after its repairs."""
    if config is None or not config.repairs or asked.is_repaired or asked.modality != "tabular":
        return asked.features
    counts = np.array([asked.num_rows])
    columns = {name: joined_values([values], counts) for name, values in asked.features.items()}
    return repaired(columns, config.repairs, cleaning=value_cleaning_from(config.preprocessing))


def _measure(modality: str) -> Any:
    return measured_photos if modality == "image" else None
