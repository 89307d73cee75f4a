"""The embeddings table: one vector an example, beside the example table and in its order."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.contracts.parquet_folder import ShardReader, ShardWriter
from components.shared.runtime.errors import ContractError

FORMAT_VERSION = 1
CONTRACT = "embeddings_table"


class EmbeddingsWriter:
    """Writes an embeddings table as a stream.

    Parameters
    ----------
    embedding_size
        Length D of every vector.
    embedder
        The model that made the vectors, for people.
    """

    def __init__(self, path: str | Path, *, embedding_size: int, embedder: str) -> None:
        self._size = embedding_size
        vector = pa.list_(pa.float32(), embedding_size)
        self._schema = pa.schema([("example_id", pa.string()), ("split", pa.string()), ("embedding", vector)])
        self._writer = ShardWriter(
            path,
            self._schema,
            contract=CONTRACT,
            format_version=FORMAT_VERSION,
            info={"embedding_size": embedding_size, "embedder": embedder},
        )

    def __enter__(self) -> "EmbeddingsWriter":
        return self

    def __exit__(self, *exception: Any) -> None:
        self._writer.__exit__(*exception)

    def write(self, *, example_ids: Sequence[str], splits: Sequence[str], embeddings_BD: np.ndarray) -> None:
        """Append vectors; `ContractError` if the shape is not (B, D) or a value is not finite."""
        if embeddings_BD.shape != (len(example_ids), self._size):
            raise ContractError(
                f"embeddings must have the shape {(len(example_ids), self._size)}, got {embeddings_BD.shape}"
            )
        if not np.isfinite(embeddings_BD).all():
            raise ContractError("embeddings must be finite; is there a NaN in the model's output?")
        flat = pa.array(np.ascontiguousarray(embeddings_BD, dtype=np.float32).ravel())
        vectors = pa.FixedSizeListArray.from_arrays(flat, self._size)
        arrays = [pa.array(example_ids, pa.string()), pa.array(splits, pa.string()), vectors]
        self._writer.write(pa.RecordBatch.from_arrays(arrays, self._schema.names))


class EmbeddingsTable:
    """Reads an embeddings table.

    Raises
    ------
    FileNotFoundError
        If there is none at `path`.
    ContractError
        If it is damaged or of another version.
    """

    def __init__(self, path: str | Path) -> None:
        self._reader = ShardReader(
            path, contract=CONTRACT, newest_version=FORMAT_VERSION, keys=("embedding_size", "embedder")
        )
        self.embedding_size = int(self._reader.metadata["embedding_size"])
        self.embedder = str(self._reader.metadata["embedder"])

    @property
    def num_rows(self) -> int:
        """Number of vectors."""
        return self._reader.num_rows

    def iter_batches(
        self, *, splits: Sequence[str] | None = None, batch_rows: int = 1024
    ) -> Iterator[tuple[list[str], np.ndarray]]:
        """Stream example ids and vectors of shape (B, D), float32."""
        for batch in self._reader.iter_batches(["example_id", "embedding"], splits=splits, batch_rows=batch_rows):
            vectors = np.asarray(batch.column(1).flatten()).reshape(-1, self.embedding_size)
            yield batch.column(0).to_pylist(), vectors
