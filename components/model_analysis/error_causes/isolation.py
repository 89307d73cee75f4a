"""How far examples are from reference examples, in several ways.

Shapes: R reference examples, Q asked ones, D numbers each.
"""

from collections.abc import Callable, Mapping

import numpy as np

# Of asked examples, shape (Q, D), the logarithm of how far they are, shape (Q,).
Farness = Callable[[np.ndarray], np.ndarray]

_MAX_AXES, _MAX_AXES_OF_KINDS = 60, 20
_NEIGHBOURS = 5
_LEAST, _LEAST_ANGLE = 1e-9, 1e-6
_TO_DEVIATION = 1.4826
_LEAST_DEVIATION = 0.05
_LIMIT = 12.0


def distance_to_nearest(reference: np.ndarray, classes: np.ndarray) -> Farness:
    """By places: numbers are scaled so that all directions in which examples of one class differ count alike.

    `reference` has the shape (R, D), finite, `classes` the shape (R,): class of each reference example.
    """
    space = _Space(reference, classes, _MAX_AXES)
    places = space.places(reference)
    return lambda asked: _log_distances(space.places(asked), places)


def angle_to_nearest(reference: np.ndarray, classes: np.ndarray) -> Farness:
    """By angles in a network's embedding: it maps what it does not know among what it knows, so places do not tell.

    References
    ----------
    Sun, Ming, Zhu and Li, "Out-of-distribution detection with deep nearest neighbors" (2022).
    """
    directions = _directions(reference)
    return lambda asked: _log_angles(_directions(asked) @ directions.T, len(directions))


def beside_main_directions(reference: np.ndarray, classes: np.ndarray) -> Farness:
    """By what of a network's embedding lies beside the main directions of the reference.

    References
    ----------
    Wang, Li, Feng and Zhang, "ViM: out-of-distribution with virtual-logit matching" (2022), the residual.
    """
    return _Space(reference, classes, max(min(_MAX_AXES, reference.shape[1] // 3), 1)).residuals


class KindIsolation:
    """Distances to the nearest examples of one kind, in deviations of those of that kind among each other.

    Parameters
    ----------
    kinds
        By kind, shape (any, D), finite, 10 or more examples of it; all together say which directions count.
    """

    def __init__(self, kinds: Mapping[str, np.ndarray]) -> None:
        values = np.concatenate([*kinds.values()])
        numbers = np.repeat(np.arange(len(kinds)), [len(part) for part in kinds.values()])
        self._space = _Space(values, numbers, _MAX_AXES_OF_KINDS)
        self._places = {name: self._space.places(part) for name, part in kinds.items()}
        self._scales = {
            name: _scale(_log_distances(part, part, skips_itself=True)) for name, part in self._places.items()
        }

    def of(self, kind: str, asked: np.ndarray) -> np.ndarray:
        """How far asked examples, shape (Q, D), are from those of a kind: shape (Q,), in deviations."""
        return _deviations(_log_distances(self._space.places(asked), self._places[kind]), self._scales[kind])


class KindAngles:
    """The same in a network's embedding, by the angle to the nearest of a kind.

    Parameters
    ----------
    examples_of
        Gives embeddings of examples of a kind, shape (any, D), 10 or more; asked for once, when first needed.
    max_kinds
        Of further kinds nothing is known, so that the work is bounded.
    """

    def __init__(self, examples_of: Callable[[str], np.ndarray], *, max_kinds: int) -> None:
        self._examples_of, self._max_kinds = examples_of, max_kinds
        self._known: dict[str, tuple[np.ndarray, tuple[float, float]]] = {}

    def of(self, kind: str, asked: np.ndarray) -> np.ndarray:
        """How far asked examples, shape (Q, D), are from those of a kind: shape (Q,), in deviations; 0 if unknown."""
        if kind not in self._known:
            if len(self._known) >= self._max_kinds:
                return np.zeros(len(asked))
            directions = _directions(self._examples_of(kind))
            among = directions @ directions.T
            np.fill_diagonal(among, -np.inf)
            self._known[kind] = directions, _scale(_log_angles(among, len(directions) - 1))
        directions, scale = self._known[kind]
        return _deviations(_log_angles(_directions(asked) @ directions.T, len(directions)), scale)


class _Space:
    """Numbers scaled so that all directions in which examples of one class differ count alike."""

    def __init__(self, values: np.ndarray, classes: np.ndarray, max_axes: int) -> None:
        self._middle, self._spread = values.mean(axis=0), values.std(axis=0) + _LEAST
        within = self._scaled(values)
        for number in np.unique(classes):
            within[classes == number] -= within[classes == number].mean(axis=0)
        _, sizes, axes = np.linalg.svd(within, full_matrices=False)
        num_axes = min(int((sizes > 1e-3 * max(sizes[0], _LEAST)).sum()), max_axes, max(len(values) // 6, 1))
        num_axes = max(num_axes, 1)
        self._main = axes[:num_axes].T
        self._axes = self._main / np.maximum(sizes[:num_axes] / np.sqrt(len(values)), _LEAST)

    def places(self, values: np.ndarray) -> np.ndarray:
        found: np.ndarray = self._scaled(values) @ self._axes
        return found

    def residuals(self, values: np.ndarray) -> np.ndarray:
        """Logarithm of what lies beside the main directions, shape (Q,)."""
        scaled = self._scaled(values)
        beside = scaled - (scaled @ self._main) @ self._main.T
        found: np.ndarray = np.log((beside**2).mean(axis=1) + _LEAST_ANGLE)
        return found

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        return np.clip((values - self._middle) / self._spread, -_LIMIT, _LIMIT)


def _scale(distances: np.ndarray) -> tuple[float, float]:
    """The middle of distances, and their deviation above it."""
    usual = float(np.median(distances))
    above = distances[distances >= usual] - usual
    return usual, max(float(np.median(above)) * _TO_DEVIATION, _LEAST_DEVIATION)


def _deviations(distances: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    found: np.ndarray = (distances - scale[0]) / scale[1]
    return found


def _directions(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), _LEAST)
    return found


def _log_angles(similarities: np.ndarray, num_others: int) -> np.ndarray:
    """Of cosines to `num_others` examples or more, shape (Q, any): to the nearest, shape (Q,)."""
    number = min(_NEIGHBOURS, num_others)
    nearest = -np.partition(-similarities, number - 1, axis=1)[:, :number]
    found: np.ndarray = np.log(np.maximum(1.0 - nearest.mean(axis=1), _LEAST_ANGLE))
    return found


def _log_distances(places: np.ndarray, reference: np.ndarray, *, skips_itself: bool = False) -> np.ndarray:
    squares = (places**2).sum(axis=1)[:, None] + (reference**2).sum(axis=1) - 2 * places @ reference.T
    if skips_itself:
        np.fill_diagonal(squares, np.inf)
    number = min(_NEIGHBOURS, len(reference) - skips_itself)
    nearest = np.partition(squares, number - 1, axis=1)[:, :number]
    found: np.ndarray = np.log(np.sqrt(np.maximum(nearest, _LEAST)).mean(axis=1))
    return found
