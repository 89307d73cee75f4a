"""What a server hands to its log of one request, and what the log says of the model that answered.

Shapes: N rows of a request, K classes, D numbers of an embedding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args, Self, TypeAlias

import numpy as np
import pyarrow as pa

from components.shared.contracts.bundle import BundleConfig
from components.shared.contracts.embedding_reference import EmbeddingReference
from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo

# One value a row: an Arrow array, a NumPy array or a list; None where a value is missing.
Values: TypeAlias = pa.Array | np.ndarray | Sequence[Any]
UNKNOWN_VERSION = "unknown"
_OTHER_BYTES: int = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedRequest:
    """One answered request of N rows. Nothing is copied or checked here: what holds it may not be changed afterwards.

    Attributes
    ----------
    request_id
        What the answer called it.
    time_ns
        When it was answered, in nanoseconds since 1970, UTC.
    features
        What the model read, by the names of its example table, after the repairs: the columns of a table, or `image`
        (bytes of files; None for prepared pixels) or `text`.
    labels
        Class of each row; None for a model of numbers.
    probabilities
        Shape (N, K), float, in the order of the model's classes; None where there are none.
    predictions
        Shape (N,), float: the numbers of a model of numbers.
    context
        What came beside the features, by the data's names: the declared id, time, group, slices, sensitive columns.
    rows
        Number of each row within the request, counted from 0; None for 0 to N - 1.
    sampling_weight
        How many served rows each of these stands for: 1 unless the server logs a sample.
    embeddings
        Shape (N, D), float: the model's last layer before its answer; None where it was not computed.
    """

    request_id: str
    time_ns: int
    features: Mapping[str, Values] = field(default_factory=dict)
    labels: Sequence[str | None] | None = None
    probabilities: np.ndarray | None = None
    predictions: Values | None = None
    context: Mapping[str, Values] = field(default_factory=dict)
    rows: Sequence[int] | None = None
    sampling_weight: float = 1.0
    embeddings: np.ndarray | None = None

    @property
    def num_rows(self) -> int:
        """N; 0 where there is neither an answer nor a feature."""
        given = (self.labels, self.predictions, self.probabilities, *self.features.values())
        return next((len(values) for values in given if values is not None), 0)

    @property
    def num_bytes(self) -> int:
        """About how much memory it holds: what bounds the queue."""
        columns = (*self.features.values(), *self.context.values(), self.labels, self.probabilities, self.embeddings)
        return 200 + sum(_num_bytes(values) for values in columns if values is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedModel:
    """What every row of a log says of the model that answered it.

    Attributes
    ----------
    name, version
        The model's name, and the version of its bundle.
    info
        Modality, task and the roles of the data's columns; columns without a role count as features where the model
        reads them, and as metadata elsewhere.
    kept
        Columns whose personal data stay as they are.
    reference
        Where the model's embeddings of held-out rows lie; None where its bundle does not say.
    """

    name: str
    version: str
    info: ExampleTableInfo
    kept: frozenset[str] = frozenset()
    reference: EmbeddingReference | None = None

    @classmethod
    def of_bundle(
        cls, config: BundleConfig, *, name: str, version: str, reference: EmbeddingReference | None = None
    ) -> Self:
        """The model of a bundle."""
        roles = {column: _table_roles(given) for column, given in config.column_roles.items()}
        info = ExampleTableInfo(
            modality=config.modality,  # type: ignore[arg-type]  # the constructor checks it
            class_names=(),
            column_roles={column: given for column, given in roles.items() if given},
            task="regression" if config.is_regression else "classification",
        )
        return cls(name=name, version=version, info=info, reference=reference)


def _table_roles(source_roles: Sequence[str]) -> tuple[ColumnRole, ...]:
    """What a column's roles in the data are in an example table: text is a payload, nothing is ignored."""
    named = {"payload" if role == "text" else role for role in source_roles}
    return tuple(role for role in get_args(ColumnRole) if role in named)


def _num_bytes(values: Any) -> int:
    size = getattr(values, "nbytes", None)
    if size is not None:
        return int(size)
    return sum(len(value) if isinstance(value, str | bytes) else _OTHER_BYTES for value in values)
