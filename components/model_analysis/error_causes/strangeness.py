"""How likely an example is strange: unlike training in a way in which training examples are not unlike each other.

Shapes: E errors, U usual examples (held-out, drawn by chance), R training examples, D numbers each, S steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from components.model_analysis.error_causes.isolation import Farness

_FOLDS = 5
# Quantiles of held-out examples that stay what they are where up to a third of them is strange.
_LOW, _MIDDLE, _HIGH = 0.1, 0.25, 0.4
_MAX_STRETCH = 3.0
_LEAST_DEVIATION = 0.05
_LEAST_JOINED = -1.0
_TAIL, _LEAST_TAIL = 0.1, 0.15
# Before any example is seen, 2 % are strange, anywhere in 8 deviations; that weighs as much as 40 examples.
_USUAL_SHARE, _USUAL_WIDTH, _USUAL_ROWS = 0.02, 8.0, 40
_STEP, _BANDWIDTH, _GROWTH = 0.1, 0.4, 0.35


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FarnessView:
    """How far examples are from training in one way: of errors, shape (E,), usual ones, (U,), and training's, (R,).

    Training examples are measured against others than themselves.
    """

    errors: np.ndarray
    usual: np.ndarray
    training: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Strangeness:
    """Of E errors: how far they are from training, in deviations, and how likely they are strange, 0 to 1."""

    deviations: np.ndarray
    is_strange: np.ndarray


def farness_view(
    way: Callable[[np.ndarray, np.ndarray], Farness],
    errors: np.ndarray,
    usual: np.ndarray,
    training: np.ndarray,
    classes: np.ndarray,
    *,
    seed: int = 0,
) -> FarnessView:
    """Look at examples in one way; a fifth of training, shape (R, D), is measured against the rest, five times.

    `way` makes a measure of reference examples and their classes, shape (R,); R is 5 or more.
    """
    folds = np.random.default_rng(seed).permutation(len(training)) % _FOLDS
    left_out = np.zeros(len(training))
    for fold in range(_FOLDS):
        is_left_out = folds == fold
        left_out[is_left_out] = way(training[~is_left_out], classes[~is_left_out])(training[is_left_out])
    far = way(training, classes)
    return FarnessView(errors=far(errors), usual=far(usual), training=left_out)


def strangeness(views: Sequence[FarnessView], is_error: np.ndarray, *, num_errors: int) -> Strangeness:
    """Join several views, and hold held-out examples against training examples that were left out.

    A view's middle and deviation are those of left-out training examples. Held-out ones may all lie a little further
    or wider, as where the network has seen the training examples: by their lower quantiles, which strange examples do
    not move. Views are added. An error is strange where more held-out examples lie as far as it than left-out training
    examples let one expect.

    Parameters
    ----------
    views
        Of the same examples in each; without a view nothing is strange.
    is_error
        Shape (U,), bool: which of the usual examples are answered wrongly.
    num_errors
        E.

    References
    ----------
    Efron, "Large-scale simultaneous hypothesis testing: the choice of a null hypothesis" (2004), the local false
    discovery rate.
    """
    if not views or not num_errors:
        return Strangeness(deviations=np.zeros(num_errors), is_strange=np.zeros(num_errors))
    errors, usual, training = (
        np.sum([np.maximum(side, _LEAST_JOINED) for side in sides], axis=0)
        for sides in zip(*[_in_deviations(view) for view in views], strict=True)
    )
    middle, deviation = float(np.median(training)), _deviation(training)
    errors, usual, training = ((side - middle) / deviation for side in (errors, usual, training))
    return Strangeness(deviations=errors, is_strange=_is_strange(errors, usual, training, is_error))


def _in_deviations(view: FarnessView) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    low, middle, high = np.quantile(view.usual, [_LOW, _MIDDLE, _HIGH])
    known_low, known_middle, known_high = np.quantile(view.training, [_LOW, _MIDDLE, _HIGH])
    stretch = np.clip((high - low) / max(known_high - known_low, _LEAST_DEVIATION), 1.0, _MAX_STRETCH)
    usual, deviation = float(np.median(view.training)), _deviation(view.training)
    moved = usual + middle - known_middle
    return (
        (view.errors - moved) / (deviation * stretch),
        (view.usual - moved) / (deviation * stretch),
        (view.training - usual) / deviation,
    )


def _deviation(values: np.ndarray) -> float:
    """Of what lies above the middle: by the third quarter or by the last tenth, whichever is larger."""
    middle, quarter, tenth = np.quantile(values, [0.5, 0.75, 0.9])
    return max(float(quarter - middle) / 0.6745, float(tenth - middle) / 1.2816, _LEAST_DEVIATION)


def _is_strange(errors: np.ndarray, usual: np.ndarray, training: np.ndarray, is_error: np.ndarray) -> np.ndarray:
    """One less the density of left-out training examples by that of held-out ones, never falling, shape (E,)."""
    start = float(np.quantile(training, 1 - _TAIL))
    tail = max(float((training[training > start] - start).mean()), _LEAST_TAIL) if (training > start).any() else 1.0
    steps = np.arange(start, max(errors.max(), usual.max(), start) + 2 * _STEP, _STEP)
    known = _TAIL / tail * np.exp(-(steps - start) / tail)
    prior = (1 - _USUAL_SHARE) * known + _USUAL_SHARE / _USUAL_WIDTH
    seen = _density(steps, start, errors, usual, is_error)
    found = (len(usual) * seen + _USUAL_ROWS * prior) / (len(usual) + _USUAL_ROWS)
    chances = np.maximum.accumulate(1.0 - known / np.maximum(found, known))
    strange: np.ndarray = np.where(errors < start, 0.0, np.interp(errors, steps, chances))
    return strange


def _density(
    steps: np.ndarray, start: float, errors: np.ndarray, usual: np.ndarray, is_error: np.ndarray
) -> np.ndarray:
    """Density of held-out examples at S steps, shape (S,): errors, of which all are known, stand for usual errors."""
    share, others = float(is_error.mean()), usual[~is_error]
    places = np.concatenate([errors, others])
    weights = np.concatenate(
        [np.full(len(errors), share / len(errors)), np.full(len(others), (1 - share) / max(len(others), 1))]
    )
    widths = np.maximum(_BANDWIDTH, _GROWTH * (steps - start))
    bells = np.exp(-0.5 * ((steps[:, None] - places) / widths[:, None]) ** 2) / (widths[:, None] * np.sqrt(2 * np.pi))
    found: np.ndarray = bells @ weights
    return found
