"""How unlike the training examples an example is, measured by how far held-out examples usually are.

Shapes: R reference examples (training rows), U usual ones (held-out rows), Q asked ones, D numbers each.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

_MAX_AXES, _MAX_AXES_OF_KINDS = 60, 20
_NEIGHBOURS = 5
_LEAST, _LEAST_ANGLE = 1e-9, 1e-6
_LEAST_JOINED = 0.5
_TO_DEVIATION = 1.4826
_LEAST_DEVIATION = 0.05
_LIMIT = 12.0


class Isolation:
    """Distances to the nearest training examples, in deviations of those of usual held-out examples.

    Numbers are scaled so that all directions in which examples of one class differ count alike.

    Parameters
    ----------
    reference
        Shape (R, D), finite, of training examples.
    usual
        Shape (U, D), finite, of held-out examples, most of which are as the training's: the middle and the upper
        quarter of their distances set the scale, so that a tenth may be strange.
    classes
        Shape (R,), class of each training example.
    """

    def __init__(self, reference: np.ndarray, usual: np.ndarray, classes: np.ndarray) -> None:
        self._space = _Space(reference, classes, _MAX_AXES)
        self._places = self._space.places(reference)
        self._scale = _scale(_log_distances(self._space.places(usual), self._places))

    def of(self, asked: np.ndarray) -> np.ndarray:
        """How far asked examples, shape (Q, D), are: shape (Q,), in deviations."""
        return _deviations(_log_distances(self._space.places(asked), self._places), self._scale)


class EmbeddingIsolation:
    """The same in a network's embedding, two ways: the angle to the nearest, and what lies beside the main directions.

    A network maps what it does not know among what it knows: places along its main directions do not tell.

    References
    ----------
    Sun, Ming, Zhu and Li, "Out-of-distribution detection with deep nearest neighbors" (2022), the angle; Wang, Li, Feng
    and Zhang, "ViM: out-of-distribution with virtual-logit matching" (2022), the residual.
    """

    def __init__(self, reference: np.ndarray, usual: np.ndarray, classes: np.ndarray) -> None:
        self._space = _Space(reference, classes, max(min(_MAX_AXES, reference.shape[1] // 3), 1))
        self._directions = _directions(reference)
        self._scales = [_scale(view) for view in self._views(usual)]

    def of(self, asked: np.ndarray) -> np.ndarray:
        """How far asked examples, shape (Q, D), are: shape (Q,), in deviations, the larger of both."""
        views = zip(self._views(asked), self._scales, strict=True)
        found: np.ndarray = np.max([_deviations(view, scale) for view, scale in views], axis=0)
        return found

    def _views(self, asked: np.ndarray) -> list[np.ndarray]:
        similar = _directions(asked) @ self._directions.T
        return [_log_angles(similar, similar.shape[1]), self._space.residuals(asked)]


def joined_isolation(views: Sequence[tuple[np.ndarray, np.ndarray]], num_errors: int) -> np.ndarray:
    """The largest of several isolations, shape (E,), in deviations of that of usual examples.

    Parameters
    ----------
    views
        Isolations of E errors and of U usual examples, the same in each.
    num_errors
        E; without a view nothing is strange.
    """
    if not views:
        return np.zeros(num_errors)
    errors, usual = (np.max([view[side] for view in views], axis=0) for side in range(2))
    middle, deviation = _scale(usual)
    return _deviations(errors, (middle, max(deviation, _LEAST_JOINED)))


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
