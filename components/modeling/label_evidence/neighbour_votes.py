"""What the nearest examples are labelled, from embeddings alone.

Shapes: N examples, D numbers an embedding, K classes, k neighbours.
"""

from collections.abc import Iterator

import numpy as np

# More dimensions change which neighbours are nearest little, and cost time.
MAX_DIMENSIONS = 128
_SIMILARITIES_A_BLOCK = 4_000_000


def nearest_neighbours(embeddings: np.ndarray, num_neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other examples of each example by cosine similarity.

    Parameters
    ----------
    embeddings
        Shape (N, D), finite, N at least 2.
    num_neighbours
        How many, 1 or more; at most N - 1 are found.

    Returns
    -------
    tuple[np.ndarray, np.ndarray]
        Rows, shape (N, k), int64, the nearest first, and cosine similarities, shape (N, k), -1 to 1.
    """
    directions = _directions(embeddings)
    num_found = min(num_neighbours, len(directions) - 1)
    rows, similarities = zip(*_blocks_of_neighbours(directions, num_found), strict=True)
    return np.concatenate(rows), np.concatenate(similarities)


def neighbour_votes(neighbours: np.ndarray, labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Share of each class among the neighbours, shape (N, K), with one vote more by the classes' shares overall.

    Parameters
    ----------
    neighbours
        Shape (N, k), rows of other examples.
    labels
        Shape (N,), int class indices.
    """
    shares = np.bincount(labels, minlength=num_classes) / len(labels)
    votes = np.tile(shares, (len(labels), 1))
    np.add.at(votes, (np.arange(len(labels))[:, None], labels[neighbours]), 1.0)
    normalised: np.ndarray = votes / (neighbours.shape[1] + 1)
    return normalised


def _directions(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings of length 1, (N, d), on their main axes where they are wide."""
    vectors = np.asarray(embeddings, dtype=np.float32)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    if vectors.shape[1] <= MAX_DIMENSIONS:
        return vectors
    _, axes = np.linalg.eigh(vectors.T @ vectors)
    vectors = vectors @ axes[:, -MAX_DIMENSIONS:]
    directions: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return directions


def _blocks_of_neighbours(directions: np.ndarray, num_found: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    num_rows = len(directions)
    size = max(_SIMILARITIES_A_BLOCK // num_rows, 1)
    for start in range(0, num_rows, size):
        block = directions[start : start + size] @ directions.T
        block[np.arange(len(block)), np.arange(start, start + len(block))] = -np.inf
        rows = np.argpartition(-block, num_found - 1, axis=1)[:, :num_found]
        similarities = np.take_along_axis(block, rows, axis=1)
        order = np.argsort(-similarities, axis=1, kind="stable")
        yield np.take_along_axis(rows, order, axis=1), np.take_along_axis(similarities, order, axis=1)
