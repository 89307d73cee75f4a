"""Columns that the contract of the serving log names: their types and roles."""

import pyarrow as pa

from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo, LABEL_TYPES

CONTRACT = "serving_log"
FORMAT_VERSION = 3
TIME = pa.timestamp("us", tz="UTC")
REQUIRED_COLUMNS: dict[str, pa.DataType] = {
    "request_id": pa.string(),
    "event_time": TIME,
    "model_name": pa.string(),
    "model_revision": pa.string(),
    "predicted": pa.string(),  # a class name; float64 where the model answers a number
}
OPTIONAL_COLUMNS: dict[str, pa.DataType] = {
    "row": pa.int32(),
    "event_id": pa.string(),
    "probabilities": pa.list_(pa.float64()),
    "embedding": pa.list_(pa.float32()),
    "sampling_weight": pa.float64(),
    "payload_weight": pa.float64(),
    "payload_draw": pa.string(),
    "image": pa.binary(),
    "text": pa.string(),
}
_SINCE_VERSION_3 = frozenset({"row", "event_id", "embedding", "sampling_weight", "payload_weight", "payload_draw"})
CONTRACT_ROLES: dict[str, ColumnRole] = {
    "request_id": "id",
    "row": "provenance",
    "event_id": "provenance",
    "event_time": "time",
    "model_name": "metadata",
    "model_revision": "metadata",
    "predicted": "prediction",
    "probabilities": "metadata",
    "embedding": "provenance",
    "sampling_weight": "provenance",
    "payload_weight": "provenance",
    "payload_draw": "provenance",
    "image": "payload",
    "text": "payload",
}


def contract_types(info: ExampleTableInfo, version: int = FORMAT_VERSION) -> dict[str, pa.DataType]:
    """Types of the columns that a version of the contract names, required and optional, for the log's task."""
    optional = {name: kind for name, kind in OPTIONAL_COLUMNS.items() if version >= 3 or name not in _SINCE_VERSION_3}
    return {**REQUIRED_COLUMNS, **optional, "predicted": LABEL_TYPES[info.task]}
