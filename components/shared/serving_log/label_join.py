"""Late labels joined to the rows that were served: by request and row, or by a declared identifier and time.

What is not plain is reported row by row, and never guessed. Shapes: L labels, N served rows.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.tables.personal_key import HASH_PREFIX, keyed_hashes

ProblemKind = Literal["unmatched", "several_rows", "served_twice", "no_time", "before_served", "conflict", "no_label"]
SENTENCES: dict[ProblemKind, str] = {
    "unmatched": "no served row of the window has this key",
    "several_rows": "the request has several rows: say which, in the column row",
    "served_twice": "several served rows have this key, and nothing says which of them is meant",
    "no_time": "this identifier was served several times: say when the label was observed, in the column time",
    "before_served": "the identifier was served only after this time",
    "conflict": "another label of the same version says something else of the same served row",
    "no_label": "the label is empty",
}
NOT_JOINED = -1
_ROWS = 1 << 31


@dataclass(frozen=True, kw_only=True, slots=True)
class LateLabels:
    """L labels as somebody brought them.

    Attributes
    ----------
    keys
        Shape (L,), string: request ids, or values of the declared identifier.
    rows
        Shape (L,), int64: number of the row within its request; -1 where it is not said. None for an identifier.
    times_us
        Shape (L,), int64: when the label was observed, microseconds since 1970; the smallest number where it is not
        said. None for request ids.
    labels
        Shape (L,), string or float64, null where missing.
    versions
        Shape (L,), int64: of the label's definition.
    """

    keys: pa.Array
    rows: np.ndarray | None
    times_us: np.ndarray | None
    labels: pa.Array
    versions: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedKeys:
    """N served rows that labels may mean: their keys as the log has them, numbers (-1: not known), and times."""

    keys: pa.Array
    rows: np.ndarray
    times_us: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelJoin:
    """What a join found.

    Attributes
    ----------
    served
        Shape (L,), int64: place of the served row of each label, `NOT_JOINED` where it has none.
    problems
        Why each label without a served row has none, by its place.
    num_repeated
        Labels that say once more what another one says; they are not joined, and no problem.
    """

    served: np.ndarray
    problems: dict[int, ProblemKind]
    num_repeated: int


NO_TIME = np.iinfo(np.int64).min


def wanted_mask(values: pa.Array, keys: pa.Array) -> pa.Array:
    """Which of N values of the log are among L keys, as they stand or hashed; shape (N,), bool."""
    found = pc.is_in(values, value_set=keys)
    return pc.or_(found, pc.is_in(values, value_set=keyed_hashes(keys))) if _holds_hashes(values) else found


def join_labels(labels: LateLabels, served: ServedKeys) -> LabelJoin:
    """Find the served row that each label means.

    A label of a request and row means that row. One of a request alone means its only row. One of an identifier means
    the latest row of it that was served no later than the label was observed.
    """
    codes = _codes(labels.keys, served.keys)
    problems: dict[int, ProblemKind] = {}
    found = _by_row(labels, served, codes, problems) if labels.rows is not None else None
    if found is None:
        found = _by_time(labels, served, codes, problems)
    for place in np.flatnonzero(np.asarray(pc.is_null(labels.labels))).tolist():
        found[place], problems[place] = NOT_JOINED, "no_label"
    num_repeated = _without_conflicts(labels, found, problems)
    return LabelJoin(served=found, problems=problems, num_repeated=num_repeated)


def _codes(keys: pa.Array, served: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """A number for each key, the same for a label's and a served row's where they mean one another."""
    distinct = keys.unique().drop_null()
    of_served = pc.index_in(served, value_set=distinct)
    if _holds_hashes(served):
        of_served = pc.coalesce(of_served, pc.index_in(served, value_set=keyed_hashes(distinct)))
    of_labels = pc.index_in(keys, value_set=distinct)
    return tuple(  # type: ignore[return-value]  # two of them
        pc.fill_null(found, NOT_JOINED).to_numpy(zero_copy_only=False).astype(np.int64)
        for found in (of_labels, of_served)
    )


def _holds_hashes(values: pa.Array) -> bool:
    """Whether the log hashed any of the values: only then is the key of personal data needed."""
    return bool(pc.any(pc.starts_with(values, HASH_PREFIX)).as_py())


def _by_row(
    labels: LateLabels, served: ServedKeys, codes: tuple[np.ndarray, np.ndarray], problems: dict[int, ProblemKind]
) -> np.ndarray:
    assert labels.rows is not None
    of_labels, of_served = codes
    whole = np.sort(of_served), np.argsort(of_served, kind="stable")
    exact_keys = of_served * _ROWS + served.rows
    exact = np.sort(exact_keys), np.argsort(exact_keys, kind="stable")
    says_row = labels.rows >= 0
    first, count = _matches(exact, of_labels * _ROWS + labels.rows)
    first_of_request, num_rows = _matches(whole, of_labels)
    found = np.where(says_row, first, first_of_request)
    counts = np.where(says_row, count, num_rows)
    counts[of_labels == NOT_JOINED] = 0
    for place in np.flatnonzero(counts != 1).tolist():
        several: ProblemKind = "served_twice" if says_row[place] else "several_rows"
        problems[place] = "unmatched" if counts[place] == 0 else several
    return np.where(counts == 1, found, NOT_JOINED)


def _by_time(
    labels: LateLabels, served: ServedKeys, codes: tuple[np.ndarray, np.ndarray], problems: dict[int, ProblemKind]
) -> np.ndarray:
    of_labels, of_served = codes
    times_us = np.full(len(of_labels), NO_TIME) if labels.times_us is None else labels.times_us
    moments = np.unique(np.concatenate([served.times_us, times_us]))
    at_served, at_labels = np.searchsorted(moments, served.times_us), np.searchsorted(moments, times_us)
    scale = len(moments) + 1
    keys = of_served * scale + at_served
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    latest = np.searchsorted(keys, of_labels * scale + at_labels, side="right") - 1
    whole = np.sort(of_served), np.argsort(of_served, kind="stable")
    first, count = _matches(whole, of_labels)
    found = np.full(len(of_labels), NOT_JOINED, dtype=np.int64)
    for place in range(len(of_labels)):
        code, last = of_labels[place], latest[place]
        if code == NOT_JOINED or count[place] == 0:
            problems[place] = "unmatched"
        elif times_us[place] == NO_TIME:
            if count[place] == 1:
                found[place] = first[place]
            else:
                problems[place] = "no_time"
        elif last < 0 or keys[last] // scale != code:
            problems[place] = "before_served"
        elif last > 0 and keys[last - 1] == keys[last]:
            problems[place] = "served_twice"
        else:
            found[place] = order[last]
    return found


def _matches(index: tuple[np.ndarray, np.ndarray], wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place of the first match of each wanted key, and how many there are."""
    keys, order = index
    start, end = np.searchsorted(keys, wanted, side="left"), np.searchsorted(keys, wanted, side="right")
    if not len(order):
        return np.full(len(wanted), NOT_JOINED, dtype=np.int64), np.zeros(len(wanted), dtype=np.int64)
    return order[np.minimum(start, len(order) - 1)], end - start


def _without_conflicts(labels: LateLabels, found: np.ndarray, problems: dict[int, ProblemKind]) -> int:
    """Take back labels that contradict one another, and those that repeat one; returns how many repeat."""
    told: dict[tuple[int, int], list[int]] = {}
    for place in np.flatnonzero(found != NOT_JOINED).tolist():
        told.setdefault((int(found[place]), int(labels.versions[place])), []).append(place)
    num_repeated = 0
    for places in told.values():
        if len(places) == 1:
            continue
        differ = len({labels.labels[place].as_py() for place in places}) > 1
        for place in places if differ else places[1:]:
            found[place] = NOT_JOINED
            if differ:
                problems[place] = "conflict"
        num_repeated += 0 if differ else len(places) - 1
    return num_repeated
