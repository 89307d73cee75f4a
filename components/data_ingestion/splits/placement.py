"""Every example's split: what is fixed, what must stay together, and what may only be trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.data_ingestion.class_names import counts_by_split
from components.data_ingestion.splits.achieved_fractions import achieved_fractions
from components.data_ingestion.splits.coverage import cover_classes
from components.data_ingestion.splits.line import NOT_PINNED, open_fractions, unit_positions
from components.data_ingestion.splits.strata import class_offsets, place_units
from components.data_ingestion.splits.time_order import keep_units_whole, LEFT_OUT, splits_by_time
from components.shared.contracts.problem import SPLIT_NAMES, SplitSpec
from components.shared.contracts.split_record import KnownSplits

# SPLIT_NAMES runs from train to test: the smallest index is the split that comes first where several are asked for.
_TRAIN = SPLIT_NAMES.index("train")
_NONE = len(SPLIT_NAMES)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExamplesToSplit:
    """What splitting needs of N examples.

    Attributes
    ----------
    positions
        Shape (N,), float64 in 0..1: from the content, or from the group.
    classes
        Shape (N,), int: class index, -1 where unlabelled or where there are no classes.
    class_names
        Of the class indices.
    clusters
        Shape (N,), int: examples with the same number stay together.
    pinned, known
        Shape (N,), int: index into `SPLIT_NAMES` where the data give the split, and where an earlier table or bundle
        does, which comes first; else `NOT_PINNED`.
    train_only
        Shape (N,), bool: examples that nothing may be judged on, such as those that a model has labelled.
    times
        Shape (N,), float64: when each happened; None where time plays no part.
    of_classes
        False where labels are numbers: then a single class stands for them.
    """

    positions: np.ndarray
    classes: np.ndarray
    class_names: Sequence[str]
    clusters: np.ndarray
    pinned: np.ndarray
    known: np.ndarray
    train_only: np.ndarray
    times: np.ndarray | None = None
    of_classes: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """Where examples went.

    Attributes
    ----------
    splits
        Shape (N,), int64: an index into `SPLIT_NAMES`, or `LEFT_OUT`.
    left_out
        How many are left out, by reason.
    notes
        Sentences on examples that are not where the data or an earlier table would have them.
    num_not_tested
        Examples of a predefined split that went elsewhere since they, or what must stay with them, also occur there.
    """

    splits: np.ndarray
    left_out: Mapping[str, int]
    notes: tuple[str, ...]
    num_not_tested: int = 0


def known_places(known: KnownSplits | None, contents: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Split that an earlier table gives each example, by content or else by group; shape (N,), int8, or `NOT_PINNED`.

    `contents` and `groups`, (N,), are `content_key` and the group's key; `known` is None where there is no such table.
    """
    if known is None:
        return np.full(len(contents), NOT_PINNED, dtype=np.int8)
    found = known.of_contents(contents)
    return found if groups is None else np.where(found == NOT_PINNED, known.of_groups(groups), found)


def place_examples(examples: ExamplesToSplit, spec: SplitSpec, predefined: Sequence[str], *, source: str) -> Placement:
    """Split examples as the problem file asks: by time, or stratified by class.

    Parameters
    ----------
    predefined
        Splits that the data give themselves.
    source
        For errors.

    Raises
    ------
    ValueError
        If a split by time has no times, or too few.
    """
    if spec.by == "time" and len(examples.positions):
        return _by_time(examples, spec, predefined, source)
    return _stratified(examples, spec, predefined)


def _by_time(examples: ExamplesToSplit, spec: SplitSpec, predefined: Sequence[str], source: str) -> Placement:
    if examples.times is None:
        raise ValueError(f"split.by: time needs a column of times, but {source} has none")
    if predefined:
        raise ValueError(f"split.by: time must split the data itself, but {source} gives the splits {list(predefined)}")
    by_time = splits_by_time(examples.times, open_fractions(spec, ()), source=source)
    judged = np.where(examples.train_only & (by_time != _TRAIN), LEFT_OUT, by_time)
    _, units = np.unique(examples.clusters, return_inverse=True)
    splits = keep_units_whole(judged, units)
    left_out = {
        "not labelled by people by the present definition, and newer than what is trained on": judged,
        "most of its group, or of its copies, lies in another part of time": splits,
    }
    counts = {reason: int((found == LEFT_OUT).sum()) for reason, found in left_out.items()}
    first, second = counts
    return Placement(
        splits=splits,
        left_out={first: counts[first], second: counts[second] - counts[first]},
        notes=("the split is by time: the oldest examples are trained on, the newest are the test split",),
    )


def _stratified(examples: ExamplesToSplit, spec: SplitSpec, predefined: Sequence[str]) -> Placement:
    fractions = open_fractions(spec, predefined)
    _, units = np.unique(examples.clusters, return_inverse=True)
    unit_splits, apart = _fixed_units(examples, units)
    free, judged = unit_splits < 0, ~examples.train_only
    positions = unit_positions(examples.positions, units)
    place_units(
        unit_splits,
        units=units[judged],
        strata=np.where(examples.classes < 0, len(examples.class_names), examples.classes)[judged],
        positions=positions,
        offsets=class_offsets(examples.class_names, salt=spec.salt),
        fractions=fractions,
    )
    cover_classes(
        unit_splits, positions, free=free, classes=examples.classes[judged], units=units[judged], fractions=fractions
    )
    splits = np.where(apart, LEFT_OUT, unit_splits[units])
    counts = counts_by_split(examples.classes[judged], splits[judged], examples.class_names)
    return _described(splits, examples, achieved_fractions(counts, fractions, of_classes=examples.of_classes))


def _fixed_units(examples: ExamplesToSplit, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split of every unit, shape (U,), below 0 where it is free; and who cannot stay with its unit, shape (N,), bool.

    A known member decides. A unit that the data put into a split with all of its members stays there; one that also has
    members elsewhere is free: what is trained on is not tested on. Where members disagree, train comes before
    validation, and that before test. A unit with an example for training only goes to train, unless another member is
    fixed in validation or test: then that example is left out.
    """
    judged = ~examples.train_only
    num_units = int(units.max(initial=-1)) + 1
    known = _earliest(examples.known, judged, units, num_units)
    pinned = _earliest(examples.pinned, judged, units, num_units)
    is_open = np.zeros(num_units, dtype=bool)
    is_open[units[judged & (examples.known == NOT_PINNED) & (examples.pinned == NOT_PINNED)]] = True
    unit_splits = np.minimum(known, np.where(is_open & (known == _NONE), _NONE, pinned))
    trains = np.zeros(num_units, dtype=bool)
    trains[units[examples.train_only]] = True
    unit_splits = np.where(unit_splits == _NONE, np.where(trains, _TRAIN, NOT_PINNED), unit_splits)
    return unit_splits, examples.train_only & (unit_splits[units] != _TRAIN)


def _earliest(fixed: np.ndarray, counted: np.ndarray, units: np.ndarray, num_units: int) -> np.ndarray:
    """The split nearest to train among a unit's members that are counted and fixed, shape (U,); `_NONE` without one."""
    found = np.full(num_units, _NONE, dtype=np.int64)
    rows = counted & (fixed != NOT_PINNED)
    np.minimum.at(found, units[rows], fixed[rows])
    return found


def _described(splits: np.ndarray, examples: ExamplesToSplit, achieved: Sequence[str]) -> Placement:
    notes = [*achieved]
    judged = ~examples.train_only
    fixed = np.where(examples.known != NOT_PINNED, examples.known, examples.pinned)
    moved = examples.train_only & (splits == _TRAIN) & (fixed > _TRAIN)
    joined = judged & (examples.known != NOT_PINNED) & (splits != examples.known)
    if num_known := int((examples.known != NOT_PINNED).sum()):
        notes.append(
            f"{num_known:,} examples keep the split that split.like gives them, {len(splits) - num_known:,} are new"
        )
    if num_trained := int((examples.train_only & (splits == _TRAIN)).sum()):
        notes.append(
            f"{num_trained:,} more are for training only, since no person labelled them by the present definition"
        )
    if num_moved := int(moved.sum()):
        notes.append(f"{num_moved:,} of these were moved to train from the split that a file or split.like gives them")
    if num_joined := int(joined.sum()):
        notes.append(
            f"{num_joined:,} known examples left the split that split.like gives them, since a copy or a member of "
            "their group is known in an earlier one"
        )
    left_out = {"a model or a rule labelled it, and it belongs with examples that are tested on": splits == LEFT_OUT}
    of_files = judged & (examples.known == NOT_PINNED) & (examples.pinned != NOT_PINNED)
    return Placement(
        splits=splits,
        left_out={reason: int(rows.sum()) for reason, rows in left_out.items()},
        notes=tuple(notes),
        num_not_tested=int((of_files & (splits != examples.pinned)).sum()),
    )
