"""Rows of a pool as selection takes them, and the order that draws some of them at random.

Shapes: N rows, K classes, D numbers an embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import hashlib

import numpy as np

UNKNOWN_CONTENT = np.uint64(0)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PoolRows:
    """N rows of a pool.

    Attributes
    ----------
    example_ids
        Shape (N,), str.
    order
        Shape (N,), uint64: where a row stands when rows are drawn at random; see `random_order`.
    probabilities
        Shape (N, K), the model's.
    embeddings
        Shape (N, D), finite; D may be 0.
    content_ids
        Shape (N,), uint64, `UNKNOWN_CONTENT` where not known; rows of one content are asked about once.
    mutual_information
        Shape (N,), nats; None where the model was asked once only.
    """

    example_ids: np.ndarray
    order: np.ndarray
    probabilities: np.ndarray
    embeddings: np.ndarray
    content_ids: np.ndarray
    mutual_information: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.example_ids)

    def take(self, rows: np.ndarray) -> "PoolRows":
        """Some of the rows: places, or a mask."""
        told = self.mutual_information
        return PoolRows(
            example_ids=self.example_ids[rows],
            order=self.order[rows],
            probabilities=self.probabilities[rows],
            embeddings=self.embeddings[rows],
            content_ids=self.content_ids[rows],
            mutual_information=None if told is None else told[rows],
        )

    def with_contents(self, content_ids: np.ndarray) -> "PoolRows":
        """The same rows with other content ids, shape (N,), uint64."""
        return PoolRows(
            example_ids=self.example_ids,
            order=self.order,
            probabilities=self.probabilities,
            embeddings=self.embeddings,
            content_ids=content_ids,
            mutual_information=self.mutual_information,
        )


def joined_rows(parts: Sequence[PoolRows]) -> PoolRows:
    """Rows of several parts, one or more, one after another."""
    told = [part.mutual_information for part in parts]
    known = [values for values in told if values is not None]
    return PoolRows(
        example_ids=np.concatenate([part.example_ids for part in parts]),
        order=np.concatenate([part.order for part in parts]),
        probabilities=np.concatenate([part.probabilities for part in parts]),
        embeddings=np.concatenate([part.embeddings for part in parts]),
        content_ids=np.concatenate([part.content_ids for part in parts]),
        mutual_information=np.concatenate(known) if len(known) == len(parts) else None,
    )


def equal_contents(embeddings: np.ndarray, content_ids: np.ndarray) -> np.ndarray:
    """A key of each row, shape (N,), uint64: rows of one key hold the same content; 0 where nothing is known.

    The content id where it is known, else what the embedding is: the same input gives the same embedding.
    """
    if not embeddings.shape[1]:
        return content_ids
    keys = content_ids.copy()
    for row in np.flatnonzero((content_ids == UNKNOWN_CONTENT) & embeddings.any(axis=1)).tolist():
        data = np.ascontiguousarray(embeddings[row], np.float16).tobytes()
        keys[row] = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
    return keys


def first_of_each(keys: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """Those of the places `ranked` that are the first of their key, in their order; key 0 is never twice the same."""
    ranked_keys = keys[ranked]
    _, firsts = np.unique(ranked_keys, return_index=True)
    kept = np.union1d(firsts, np.flatnonzero(ranked_keys == UNKNOWN_CONTENT))
    found: np.ndarray = ranked[kept]
    return found
