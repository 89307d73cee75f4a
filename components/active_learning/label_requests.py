"""The label requests: which examples people are asked about, and why each; what selection hands to the queue.

A folder of Parquet shards, one row an example.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import get_args, Literal

import pyarrow as pa

from components.shared.contracts.parquet_folder import ShardReader, ShardWriter
from components.shared.runtime.errors import ContractError

FORMAT_VERSION = 1
CONTRACT = "label_requests"

# `random`: drawn without looking at the model, so that figures from it hold for the whole pool.
Strategy = Literal["entropy", "least_confidence", "margin", "mutual_information", "diversity", "random"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelRequest:
    """One example that people are asked to label.

    Attributes
    ----------
    example_id
        As the predictions table has it: hashed where it holds personal data.
    strategy
        What chose it.
    why
        One sentence for the person who labels.
    score
        By which it was chosen, the larger the sooner; 0 where it was drawn at random.
    predicted, probability
        The model's class and its probability.
    model_version
        Of the model that scored it; empty for none.
    round_number
        Which round of labelling, from 1.
    """

    example_id: str
    strategy: Strategy
    why: str
    score: float
    predicted: str
    probability: float
    model_version: str
    round_number: int


_TYPES: dict[str, pa.DataType] = {
    "example_id": pa.string(),
    "strategy": pa.string(),
    "why": pa.string(),
    "score": pa.float64(),
    "predicted": pa.string(),
    "probability": pa.float64(),
    "model_version": pa.string(),
    "round_number": pa.int32(),
}


def write_label_requests(path: str | Path, requests: Sequence[LabelRequest], *, class_names: Sequence[str]) -> None:
    """Write the requests of one round, in their order; ContractError if an example is asked for twice."""
    asked = [request.example_id for request in requests]
    repeated = {name for name in asked if asked.count(name) > 1} if len(set(asked)) < len(asked) else set()
    if repeated:
        raise ContractError(f"an example must be asked for once, got {sorted(repeated)[0]!r} twice")
    rows = [asdict(request) for request in requests]
    arrays = [pa.array([row[name] for row in rows], kind) for name, kind in _TYPES.items()]
    info = {"class_names": list(class_names)}
    schema = pa.schema(list(_TYPES.items()))
    with ShardWriter(path, schema, contract=CONTRACT, format_version=FORMAT_VERSION, info=info) as writer:
        writer.write(pa.RecordBatch.from_arrays(arrays, list(_TYPES)))


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelRequests:
    """The requests of one round, and the classes among which people choose."""

    requests: tuple[LabelRequest, ...]
    class_names: tuple[str, ...]


def read_label_requests(path: str | Path) -> LabelRequests:
    """Read what `write_label_requests` wrote.

    Raises
    ------
    FileNotFoundError
        If there are none at `path`.
    ContractError
        If they are damaged or of another version.
    """
    reader = ShardReader(path, contract=CONTRACT, newest_version=FORMAT_VERSION, keys=("class_names",))
    rows = reader.read([field.name for field in fields(LabelRequest)]).to_pylist()
    return LabelRequests(
        requests=tuple(LabelRequest(**row) for row in rows), class_names=tuple(reader.metadata["class_names"])
    )
