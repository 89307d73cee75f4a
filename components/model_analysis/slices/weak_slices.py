"""Weak slices of examples: found among all conjunctions of conditions, held against chance, each story told once.

Shapes: N examples, M conditions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
import math

import numpy as np
import pyarrow as pa

from components.model_analysis.slices.conditions import conditions_of, SliceCondition
from components.model_analysis.slices.cut_points import moved_cuts
from components.model_analysis.slices.found_slices import in_order, WeakSlice, WeakSlices
from components.model_analysis.slices.null_scores import best_score, LEVEL, null_scores, NUM_PERMUTATIONS, threshold_of
from components.model_analysis.slices.search import SliceSearch
from components.model_analysis.slices.slice_figures import slice_figures
from components.model_analysis.slices.stories import found_stories, Story

MIN_EXAMPLES = 25
_MAX_SHARE = 2 / 3
_MIN_SHARE = 0.01
_WINSORISED = 0.99


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchSettings:
    """How weak slices are searched.

    Attributes
    ----------
    max_conditions
        How many conditions a slice may have, 1 to 3.
    min_examples
        Slices of fewer examples, or of less than 1 % of them, are not looked at.
    max_slices
        How many are reported at most.
    level
        In at most this share of all searches on errors that lie at random is any slice reported.
    """

    max_conditions: int = 3
    min_examples: int = MIN_EXAMPLES
    max_slices: int = 10
    level: float = LEVEL
    num_permutations: int = NUM_PERMUTATIONS
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.max_conditions <= 3:
            raise ValueError(f"max_conditions must be 1, 2 or 3, got {self.max_conditions!r}")
        for name in ("min_examples", "max_slices"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if not 0.0 < self.level < 1.0 or self.level * (self.num_permutations + 1) < 1.0:
            raise ValueError(
                f"level must lie between 0 and 1 and be at least one in num_permutations + 1, got {self.level!r} "
                f"and {self.num_permutations!r}: draw more permutations"
            )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Searched:
    """A search over M conditions with masks (N, M), and what it finds on errors at random."""

    search: SliceSearch
    conditions: Sequence[SliceCondition]
    masks: np.ndarray
    null: np.ndarray
    threshold: float


def find_weak_slices(
    columns: Mapping[str, pa.Array],
    errors: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    expected: np.ndarray | None = None,
    settings: SearchSettings | None = None,
) -> WeakSlices:
    """Find slices on which a model errs more than elsewhere.

    Whether any slice is reported is a test by permutation of the best score of the whole search, so that on errors that
    have nothing to do with the columns, one is in at most 5 % of all searches.

    Parameters
    ----------
    columns
        Arrays of N values by name: what slices may be made of. None may hold the answer, the label or the error.
    errors
        Shape (N,), float: 0 or 1, whether the answer is wrong; or numbers, 0 or more, of which larger ones are worse.
    groups
        Shape (N,), int: examples of a group err together; a negative number is a group of one.
    expected
        Shape (N,): the error that the model itself leads one to expect of each, such as
        `errors_expected_by_confidence`. Whether any slice is reported does not depend on it, only which come first.

    Raises
    ------
    ValueError
        If lengths disagree, or an error or what is expected is negative or not finite.

    References
    ----------
    The test: Westfall and Young, "Resampling-Based Multiple Testing" (1993). Slices as conjunctions: Sagadeeva and
    Boehm, "SliceLine: Fast, Linear-Algebra-based Slice Finding for ML Model Debugging", SIGMOD 2021.
    """
    asked = settings or SearchSettings()
    errors = _checked(columns, errors, "errors")
    expected = None if expected is None else _telling(_checked(columns, expected, "expected errors"))
    is_share = bool(np.isin(errors, (0.0, 1.0)).all())
    result = WeakSlices(
        num_examples=len(errors),
        error=float(errors.mean()) if len(errors) else math.nan,
        is_share=is_share,
        columns=tuple(columns),
    )
    min_examples = max(asked.min_examples, math.ceil(_MIN_SHARE * len(errors)))
    conditions, masks = conditions_of(columns, min_examples=min_examples, max_share=_MAX_SHARE)
    if not conditions or errors.min() == errors.max():
        return result
    search = SliceSearch(
        masks,
        min_examples=min_examples,
        max_share=_MAX_SHARE,
        max_conditions=asked.max_conditions,
        is_share=is_share and groups is None,
    )
    capped = errors if is_share else np.minimum(errors, np.quantile(errors, _WINSORISED))
    observed = best_score(search, capped)
    null = null_scores(
        search,
        capped,
        np.random.default_rng(asked.seed),
        groups=groups,
        observed=observed,
        num_permutations=asked.num_permutations,
        level=asked.level,
    )
    threshold = threshold_of(null, num_permutations=asked.num_permutations, level=asked.level)
    searched = _Searched(search=search, conditions=conditions, masks=masks, null=null, threshold=threshold)
    found: list[tuple[WeakSlice, np.ndarray]] = []
    if observed > threshold:
        stories = found_stories(
            search, masks, conditions, capped, threshold, max_stories=asked.max_slices, expected=expected
        )
        found = [_told(story, searched, columns, errors, capped, expected, is_share=is_share) for story in stories]
    return replace(
        result,
        slices=in_order(found),
        num_conditions=len(conditions),
        threshold=threshold,
    )


def _telling(expected: np.ndarray) -> np.ndarray | None:
    """What is expected, shape (N,); None where it is the same of all, and tells nothing."""
    return expected if len(expected) and np.ptp(expected) > 1e-9 else None


def _told(
    story: Story,
    searched: _Searched,
    columns: Mapping[str, pa.Array],
    errors: np.ndarray,
    capped: np.ndarray,
    expected: np.ndarray | None,
    *,
    is_share: bool,
) -> tuple[WeakSlice, np.ndarray]:
    """A story with its cuts moved to where the errors change, and its figures; and its examples, shape (N,), bool."""
    conditions = tuple(searched.conditions[number] for number in story.members)
    conditions, rows = moved_cuts(conditions, columns, capped, story.usual, is_share=is_share)
    z = math.sqrt(max(searched.threshold + searched.search.cost * len(story.members), 0.0))
    found = WeakSlice(
        conditions=conditions,
        figures=slice_figures(errors, rows, z=max(z, 1.96), is_share=is_share),
        score=story.score,
        p_value=(1 + int((searched.null >= story.score).sum())) / (1 + len(searched.null)),
        expected=math.nan if expected is None else float(expected[rows].mean()),
        is_unexpected=story.is_unexpected,
        folded=tuple(
            (
                tuple(searched.conditions[number] for number in members),
                float(rows[np.logical_and.reduce(searched.masks[:, members], axis=1)].mean()),
            )
            for members in story.folded
        ),
    )
    return found, rows


def _checked(columns: Mapping[str, pa.Array], errors: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(errors, dtype=np.float64)
    for column, held in columns.items():
        if len(held) != len(values):
            raise ValueError(f"column {column!r} must have a value for each of {len(values)} {name}, got {len(held)}")
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"{name} must be finite numbers of 0 or more, got one that is not: leave such examples out")
    return values
