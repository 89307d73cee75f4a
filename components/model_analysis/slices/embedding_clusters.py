"""Clusters of embeddings: examples that a model sees alike, as columns that slices can be made of.

Shapes: N examples, D dimensions, K clusters.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.model_analysis.slices.conditions import CLUSTER_PREFIX

NUMBERS_OF_CLUSTERS = (8, 20)
_MIN_EXAMPLES_A_CLUSTER = 25
_MAX_FITTED, _NUM_ROUNDS = 4000, 15


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EmbeddingClusters:
    """Centres of clusters, shape (K, D), float32: an example belongs to the nearest."""

    centres: np.ndarray

    @property
    def column(self) -> str:
        """What the column of cluster numbers is called."""
        return f"{CLUSTER_PREFIX}{len(self.centres)}"

    def members(self, embeddings: np.ndarray) -> pa.Array:
        """Number of each example's cluster, shape (N,), as text; `embeddings` of the shape (N, D)."""
        return pa.array(_nearest(embeddings.astype(np.float32), self.centres).astype(str).tolist(), pa.string())


def embedding_clusters(embeddings: np.ndarray, rng: np.random.Generator) -> list[EmbeddingClusters]:
    """Cut examples into 8 and into 20 clusters by k-means; none where there are too few of them or no dimensions.

    Parameters
    ----------
    embeddings
        Shape (N, D), float; a sample of 4,000 is fitted to.

    References
    ----------
    Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
    """
    values = embeddings.astype(np.float32)
    if not values.shape[1] or not np.isfinite(values).all():
        return []
    sample = values if len(values) <= _MAX_FITTED else values[rng.permutation(len(values))[:_MAX_FITTED]]
    fitted = [_fitted(sample, k, rng) for k in NUMBERS_OF_CLUSTERS if len(values) >= k * _MIN_EXAMPLES_A_CLUSTER]
    return [EmbeddingClusters(centres=centres) for centres in fitted if len(centres) > 1]


def _fitted(values: np.ndarray, num_clusters: int, rng: np.random.Generator) -> np.ndarray:
    centres = _seeded(values, num_clusters, rng)
    for _ in range(_NUM_ROUNDS):
        places = _nearest(values, centres)
        counts = np.bincount(places, minlength=len(centres))
        sums = np.zeros((len(centres), values.shape[1]), np.float64)
        np.add.at(sums, places, values)
        moved = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres).astype(np.float32)
        if np.allclose(moved, centres):
            break
        centres = moved
    return centres


def _seeded(values: np.ndarray, num_clusters: int, rng: np.random.Generator) -> np.ndarray:
    chosen = [values[int(rng.integers(len(values)))]]
    apart = ((values - chosen[0]) ** 2).sum(axis=1)
    while len(chosen) < num_clusters and apart.sum() > 0.0:
        chosen.append(values[int(rng.choice(len(values), p=apart / apart.sum()))])
        apart = np.minimum(apart, ((values - chosen[-1]) ** 2).sum(axis=1))
    return np.array(chosen, dtype=np.float32)


def _nearest(values: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return np.asarray(((centres**2).sum(axis=1) - 2.0 * values @ centres.T).argmin(axis=1))
