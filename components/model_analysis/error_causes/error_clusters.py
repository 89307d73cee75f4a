"""Groups of errors that share a trait: dark, short, off-centre, region = X.

Shapes: E errors, U usual examples (held-out ones, right and wrong).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.stats import hypergeom

_TAIL = 0.1
_LEAST_ERRORS, _MAX_CLUSTERS, _MAX_VALUES = 4, 6, 40
_LEAST_LIFT = 2.0
_CHANCE = 0.01
_LOW_WORDS: Mapping[str, str] = {
    "brightness": "dark", "sharpness": "blurred", "contrast": "pale", "text_characters": "short", "characters": "short",
    "words": "short", "saturation": "colourless", "image_bytes": "small files",
}  # fmt: skip
_HIGH_WORDS: Mapping[str, str] = {
    "brightness": "bright", "off_centre": "off-centre", "share_unknown": "unknown to the tokenizer",
    "sharpness": "grainy", "aspect_ratio": "wide",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ErrorCluster:
    """Errors with a trait in common.

    Attributes
    ----------
    words
        The trait: `dark (brightness below 0.18)`, `region = north`.
    rows
        Places among the E errors, ascending; an error is in one cluster only.
    num_with_trait
        Errors with the trait, those of earlier clusters too.
    share_of_errors, share_of_usual
        How frequent the trait is among errors and among held-out examples, 0 to 1.
    """

    words: str
    rows: np.ndarray
    num_with_trait: int
    share_of_errors: float
    share_of_usual: float


def error_clusters(errors: Mapping[str, pa.Array], usual: Mapping[str, pa.Array]) -> list[ErrorCluster]:
    """Group errors by the trait that is most over-represented, then the rest by the next.

    Parameters
    ----------
    errors, usual
        Traits by name, E and U values: numbers, texts or truth values; null where unknown.

    Returns
    -------
    list[ErrorCluster]
        At most 6, each of 4 errors or more with a trait that is at least twice as frequent among errors, more than
        chance gives after counting all traits that were tried. This describes errors; whether a slice is weak is for
        `find_weak_slices` to test.
    """
    num_errors = len(next(iter(errors.values()), ()))
    num_usual = len(next(iter(usual.values()), ()))
    if not num_errors or not num_usual:
        return []
    conditions = list(_conditions(errors, usual))
    left = np.ones(num_errors, bool)
    found: list[ErrorCluster] = []
    while len(found) < _MAX_CLUSTERS:
        scored = [
            (_chance(inside & left, inside_usual, int(left.sum())), words, inside, inside_usual)
            for words, inside, inside_usual in conditions
        ]
        best = min(scored, key=lambda item: item[0], default=None)
        if best is None or best[0] * len(conditions) > _CHANCE:
            break
        _, words, inside, inside_usual = best
        found.append(
            ErrorCluster(
                words=words,
                rows=np.flatnonzero(inside & left),
                num_with_trait=int(inside.sum()),
                share_of_errors=float(inside.mean()),
                share_of_usual=float(inside_usual.mean()),
            )
        )
        left = left & ~inside
        conditions = [item for item in conditions if item[0] != words]
    return found


def _chance(inside: np.ndarray, inside_usual: np.ndarray, num_left: int) -> float:
    """Chance that as many of the errors have the trait if errors were like usual examples; 1 where too few have it."""
    number, num_usual = int(inside.sum()), len(inside_usual)
    if number < _LEAST_ERRORS or number / max(num_left, 1) < _LEAST_LIFT * inside_usual.mean():
        return 1.0
    both, with_trait = num_usual + num_left, int(inside_usual.sum()) + number
    return float(hypergeom.sf(number - 1, both, with_trait, num_left))


def _conditions(
    errors: Mapping[str, pa.Array], usual: Mapping[str, pa.Array]
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Words of a trait, and which errors and usual examples have it."""
    for name, values in errors.items():
        if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
            yield from _tails(name, _numbers(values), _numbers(usual[name]))
        elif pa.types.is_string(values.type) or pa.types.is_boolean(values.type):
            yield from _values(name, values.to_pylist(), usual[name].to_pylist())


def _tails(name: str, values: np.ndarray, usual: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    known = usual[np.isfinite(usual)]
    if len(np.unique(known)) < 3:
        return
    low, high = np.quantile(known, [_TAIL, 1 - _TAIL])
    yield _named(_LOW_WORDS.get(name), f"{name} below {low:.3g}"), values < low, usual < low
    yield _named(_HIGH_WORDS.get(name), f"{name} above {high:.3g}"), values > high, usual > high


def _values(
    name: str, values: Sequence[object], usual: Sequence[object]
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    different = sorted({value for value in values if value is not None}, key=str)
    for value in different if len(different) <= _MAX_VALUES else ():
        yield (
            f"{name} = {value}",
            np.array([other == value for other in values]),
            np.array([other == value for other in usual]),
        )


def _named(word: str | None, condition: str) -> str:
    return condition if word is None else f"{word} ({condition})"


def _numbers(values: pa.Array) -> np.ndarray:
    found: np.ndarray = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found
