"""Weak slices of examples: found among all conjunctions of conditions, held against chance, each story told once.

Shapes: N examples, M conditions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import math
from typing import Any

import numpy as np
import pyarrow as pa

from components.model_analysis.slices.conditions import conditions_of, SliceCondition, where_all
from components.model_analysis.slices.cut_points import moved_cuts
from components.model_analysis.slices.null_scores import best_score, LEVEL, null_scores, NUM_PERMUTATIONS, threshold_of
from components.model_analysis.slices.search import SliceSearch
from components.model_analysis.slices.slice_figures import slice_figures, SliceFigures
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


@dataclass(frozen=True, kw_only=True, slots=True)
class WeakSlice:
    """A slice on which the model errs more than elsewhere.

    Attributes
    ----------
    conditions
        All must hold.
    figures
        Its intervals hold together for all slices that were looked at.
    p_value
        How often a search on errors at random finds any slice as weak, 0 to 1.
    folded
        Slices that tell the same story: conditions, and the share of their rows that are this slice's.
    """

    conditions: tuple[SliceCondition, ...]
    figures: SliceFigures
    score: float
    p_value: float
    folded: tuple[tuple[tuple[SliceCondition, ...], float], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values; `conditions` are what `condition_from_json` reads."""
        return {
            "conditions": [condition.to_json() for condition in self.conditions],
            "where": where_all(self.conditions),
            **self.figures.to_json(),
            "score": self.score,
            "p_value": self.p_value,
            "same_story": [
                {"conditions": [condition.to_json() for condition in conditions], "share": share}
                for conditions, share in self.folded
            ],
        }


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WeakSlices:
    """What a search found.

    Attributes
    ----------
    slices
        The weakest first: by how much more the model surely errs there.
    num_conditions
        How many conditions slices were made of.
    threshold
        The score that chance exceeds in 5 % of all searches; `nan` where nothing could be searched.
    """

    num_examples: int
    error: float
    is_share: bool
    slices: tuple[WeakSlice, ...] = ()
    num_conditions: int = 0
    threshold: float = math.nan
    columns: tuple[str, ...] = field(default=())


def find_weak_slices(
    columns: Mapping[str, pa.Array],
    errors: np.ndarray,
    *,
    groups: np.ndarray | None = None,
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

    Raises
    ------
    ValueError
        If lengths disagree, or an error is negative or not finite.

    References
    ----------
    The test: Westfall and Young, "Resampling-Based Multiple Testing" (1993). Slices as conjunctions: Sagadeeva and
    Boehm, "SliceLine: Fast, Linear-Algebra-based Slice Finding for ML Model Debugging", SIGMOD 2021.
    """
    asked = settings or SearchSettings()
    errors = _checked(columns, errors)
    is_share = bool(np.isin(errors, (0.0, 1.0)).all())
    empty = WeakSlices(
        num_examples=len(errors),
        error=float(errors.mean()) if len(errors) else math.nan,
        is_share=is_share,
        columns=tuple(columns),
    )
    min_examples = max(asked.min_examples, math.ceil(_MIN_SHARE * len(errors)))
    conditions, masks = conditions_of(columns, min_examples=min_examples, max_share=_MAX_SHARE)
    if not conditions or errors.min() == errors.max():
        return empty
    search = SliceSearch(
        masks,
        min_examples=min_examples,
        max_share=_MAX_SHARE,
        max_conditions=asked.max_conditions,
        is_share=is_share and groups is None,
    )
    searched = errors if is_share else np.minimum(errors, np.quantile(errors, _WINSORISED))
    observed = best_score(search, searched)
    null = null_scores(
        search,
        searched,
        np.random.default_rng(asked.seed),
        groups=groups,
        observed=observed,
        num_permutations=asked.num_permutations,
        level=asked.level,
    )
    threshold = threshold_of(null, num_permutations=asked.num_permutations, level=asked.level)
    found: list[WeakSlice] = []
    if observed > threshold:
        for story in found_stories(search, masks, conditions, searched, threshold, max_stories=asked.max_slices):
            found.append(_told(story, conditions, columns, masks, errors, null, search.cost, threshold, is_share))
    found.sort(key=lambda item: -item.figures.difference_low)
    return WeakSlices(
        num_examples=len(errors),
        error=empty.error,
        is_share=is_share,
        slices=tuple(found),
        num_conditions=len(conditions),
        threshold=threshold,
        columns=tuple(columns),
    )


def _told(
    story: Story,
    conditions: Sequence[SliceCondition],
    columns: Mapping[str, pa.Array],
    masks: np.ndarray,
    errors: np.ndarray,
    null: np.ndarray,
    cost: float,
    threshold: float,
    is_share: bool,
) -> WeakSlice:
    """A story with its cuts moved to where the errors change, and its figures."""
    told = tuple(conditions[number] for number in story.members)
    told, rows = moved_cuts(told, columns, errors, is_share=is_share)
    z = math.sqrt(max(threshold + cost * len(story.members), 0.0))
    return WeakSlice(
        conditions=told,
        figures=slice_figures(errors, rows, z=max(z, 1.96), is_share=is_share),
        score=story.score,
        p_value=(1 + int((null >= story.score).sum())) / (1 + len(null)),
        folded=tuple(
            (
                tuple(conditions[number] for number in members),
                float(rows[np.logical_and.reduce(masks[:, members], axis=1)].mean()),
            )
            for members in story.folded
        ),
    )


def _checked(columns: Mapping[str, pa.Array], errors: np.ndarray) -> np.ndarray:
    values = np.asarray(errors, dtype=np.float64)
    for name, column in columns.items():
        if len(column) != len(values):
            raise ValueError(f"column {name!r} must have a value for each of {len(values)} errors, got {len(column)}")
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError("errors must be finite numbers of 0 or more, got one that is not: leave such examples out")
    return values
