"""Where rows lie: what is near, what is nearly the same, and groups of rows.

Shapes: N rows, D numbers an embedding, G groups.
"""

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from components.modeling.label_evidence.neighbour_votes import nearest_neighbours

# Of the usual distance to the nearest other row: a text with one more mark, a photo saved again, lie well below.
_NEARLY_THE_SAME = 0.2
# Where many rows have near duplicates, the usual distance is that of the others.
_USUAL_PERCENTILE = 75
_MAX_MEASURED = 1000
_STEPS = 20


def directions(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings of length 1, shape (N, D), float32; a vector of zeros stays."""
    vectors = np.asarray(embeddings, np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: np.ndarray = vectors / np.maximum(lengths, 1e-12)
    return found


def near_duplicate_similarity(embeddings: np.ndarray) -> float:
    """From which cosine similarity on two rows are nearly the same; above 1, which none reaches, with too few rows.

    Parameters
    ----------
    embeddings
        Shape (N, D), rows drawn at random; the first 1,000 are looked at.
    """
    measured = np.unique(directions(embeddings[:_MAX_MEASURED]), axis=0)
    if len(measured) < 3 or not measured.shape[1]:
        return 2.0
    _, similarities = nearest_neighbours(measured, 1)
    distances = np.sqrt(np.maximum(2.0 - 2.0 * similarities[:, 0].astype(np.float64), 0.0))
    usual = float(np.percentile(distances, _USUAL_PERCENTILE))
    return 1.0 - (_NEARLY_THE_SAME * usual) ** 2 / 2.0 - 1e-6


def groups_of_rows(vectors: np.ndarray, num_groups: int, *, seed: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Group of each row by k-means, shape (N,), int, 0 to G - 1; some groups may be empty.

    Parameters
    ----------
    vectors
        Shape (N, D), N 1 or more.
    weights
        Shape (N,), 0 or more: how much a row counts; None for all alike.
    """
    num_found = min(num_groups, len(np.unique(vectors, axis=0)))
    model = KMeans(num_found, n_init=1, max_iter=_STEPS, random_state=seed)
    with threadpool_limits(limits=1):
        found: np.ndarray = model.fit(vectors, sample_weight=weights).labels_
    return found
