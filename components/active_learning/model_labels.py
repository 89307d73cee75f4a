"""Labels that a model wrote (pseudo labels), with where each comes from; what the guard hands to the merge.

A folder of Parquet shards, one row an example. In an example table they have the label source `model`, and the columns
`MODEL_LABEL_COLUMNS` of `components/shared/contracts/label_versions` say the rest, so that they can be withdrawn.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa

from components.shared.contracts.parquet_folder import ShardReader, ShardWriter
from components.shared.runtime.errors import ContractError

FORMAT_VERSION = 1
CONTRACT = "model_labels"


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelLabel:
    """One label by a model.

    Attributes
    ----------
    example_id
        As the predictions table has it: hashed where it holds personal data.
    label
        The class.
    probability
        Calibrated, from 0 to 1.
    model_version
        Version of the bundle that answered.
    round_number
        Which round of labelling, from 1.
    """

    example_id: str
    label: str
    probability: float
    model_version: str
    round_number: int


_TYPES: dict[str, pa.DataType] = {
    "example_id": pa.string(),
    "label": pa.string(),
    "probability": pa.float64(),
    "model_version": pa.string(),
    "round_number": pa.int32(),
}


def write_model_labels(path: str | Path, labels: Sequence[ModelLabel]) -> None:
    """Write labels in their order; none is a valid answer. ContractError if one lacks its provenance."""
    for label in labels:
        if not label.model_version or not 0.0 <= label.probability <= 1.0:
            raise ContractError(
                f"a label by a model must name its model's version and a probability from 0 to 1, got {label}"
            )
    rows = [asdict(label) for label in labels]
    arrays = [pa.array([row[name] for row in rows], kind) for name, kind in _TYPES.items()]
    schema = pa.schema(list(_TYPES.items()))
    with ShardWriter(path, schema, contract=CONTRACT, format_version=FORMAT_VERSION, info={}) as writer:
        writer.write(pa.RecordBatch.from_arrays(arrays, list(_TYPES)))


def read_model_labels(path: str | Path) -> list[ModelLabel]:
    """Read what `write_model_labels` wrote.

    Raises
    ------
    FileNotFoundError
        If there are none at `path`.
    ContractError
        If they are damaged or of another version.
    """
    reader = ShardReader(path, contract=CONTRACT, newest_version=FORMAT_VERSION)
    return [ModelLabel(**row) for row in reader.read([field.name for field in fields(ModelLabel)]).to_pylist()]
