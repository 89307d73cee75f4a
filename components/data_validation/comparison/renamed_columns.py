"""Columns that are gone and columns that are new: which of them look like one column under two names.

Two kinds of evidence count, the distribution of the values and the words of the name. Either is enough where it is
strong; a pair of yes-or-no columns shares its distribution with too many others for that to prove anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
import math
import re
from typing import Literal

import numpy as np
import pyarrow as pa

from components.data_validation.comparison.sample_distance import kolmogorov_smirnov_chance, kolmogorov_smirnov_distance
from components.data_validation.comparison.unit_change import unit_change
from components.data_validation.tables.arrow_lists import column_kind

_MIN_CONFIDENCE = 0.5
_MAX_COLUMNS = 100
_MAX_ROWS = 2000
_MIN_ROWS = 20
# From this distance on two distributions are no evidence of one column.
_FAR_APART = 0.2
# Values that a column needs to be recognised by its distribution alone: fewer are shared by chance.
_TELLING_VALUES = 32
# Many distributions are alike but for a factor: that decides only where the names are akin too.
_RESCALED_WEIGHT = 0.45
_DISTRIBUTION_WEIGHT = 0.95
_UNRELATED_NAMES = 0.6
# What a name is worth where the values say nothing for it: `latitude` is no `longitude`.
_CONTRADICTED_WEIGHT = 0.75

_Kind = Literal["number", "text"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RenamedColumn:
    """A column that is gone, and the new one that looks like it."""

    old: str
    new: str
    confidence: float  # 0.5 to 1: how sure the match is; no probability
    reasons: tuple[str, ...]

    @property
    def words(self) -> str:
        """The suggestion in one sentence."""
        return f"column {self.old!r} is gone; {self.new!r} looks like it ({' and '.join(self.reasons)})"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Column:
    name: str
    kind: _Kind
    values: np.ndarray
    missing_share: float
    num_distinct: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Evidence:
    strength: float
    reason: str


def renamed_columns(
    reference: pa.Table, current: pa.Table, *, gone: Sequence[str], new: Sequence[str]
) -> tuple[RenamedColumn, ...]:
    """Suggested pairs of a column that is gone and a new one, one to one, surest first; of each 100 are looked at.

    Numbers match numbers only, and what is written as text matches text; lists and bytes never match.
    """
    left = [column for name in gone[:_MAX_COLUMNS] if (column := _column(reference, name))]
    right = [column for name in new[:_MAX_COLUMNS] if (column := _column(current, name))]
    pairs = [pair for old in left for other in right if (pair := _match(old, other))]
    found: list[RenamedColumn] = []
    for pair in sorted(pairs, key=lambda pair: -pair.confidence):
        if all(pair.old != other.old and pair.new != other.new for other in found):
            found.append(pair)
    return tuple(found)


def name_similarity(first: str, second: str) -> float:
    """Similarity of two column names, 0 to 1; the style of writing (`trip_miles`, `tripMiles`) does not count.

    1 for the same words in any order, 0.9 where one name's words are all in the other, else the share of letters in
    common (Ratcliff and Obershelp, as in `difflib`).
    """
    words = [_words(name) for name in (first, second)]
    if not all(words):
        return float(first == second)
    if sorted(words[0]) == sorted(words[1]):
        return 1.0
    shorter = min(words, key=len)
    within = set(words[0]) <= set(words[1]) or set(words[1]) <= set(words[0])
    letters = SequenceMatcher(None, "".join(words[0]), "".join(words[1])).ratio()
    return max(letters, 0.9) if within and len("".join(shorter)) >= 3 else letters


def _words(name: str) -> list[str]:
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word for word in re.split(r"[\W_]+", parts.lower()) if word]


def _column(rows: pa.Table, name: str) -> _Column | None:
    values = rows.column(name).combine_chunks()
    values = values.dictionary_decode() if isinstance(values, pa.DictionaryArray) else values
    examined = column_kind(values.type)
    if examined is None:
        return None
    kind: _Kind = "number" if examined in ("integer", "float") else "text"
    chosen = values.take(np.linspace(0, len(values) - 1, min(len(values), _MAX_ROWS)).astype(np.int64))
    present = _present(chosen, kind)
    missing = 1 - len(present) / len(chosen) if len(chosen) else 1.0
    distinct = len(np.unique(present))
    return _Column(name=name, kind=kind, values=present, missing_share=missing, num_distinct=distinct)


def _present(values: pa.Array, kind: _Kind) -> np.ndarray:
    if kind == "text":
        return np.asarray(values.cast(pa.string()).drop_null().to_numpy(zero_copy_only=False), dtype=str)
    numbers = np.asarray(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)
    return numbers[np.isfinite(numbers)]


def _match(old: _Column, new: _Column) -> RenamedColumn | None:
    if old.kind != new.kind:
        return None
    values = _distribution_evidence(old, new)
    evidence = (_name_evidence(old.name, new.name, contradicted=values.strength == 0.0), values)
    confidence = 1 - math.prod(1 - item.strength for item in evidence)
    if confidence < _MIN_CONFIDENCE:
        return None
    reasons = tuple(item.reason for item in evidence if item.strength >= 0.1)
    return RenamedColumn(old=old.name, new=new.name, confidence=confidence, reasons=reasons)


def _name_evidence(old: str, new: str, *, contradicted: bool) -> _Evidence:
    similarity = name_similarity(old, new)
    strength = max(similarity - _UNRELATED_NAMES, 0.0) / (1 - _UNRELATED_NAMES)
    weight = _CONTRADICTED_WEIGHT if contradicted else 1.0
    return _Evidence(strength=weight * strength, reason=f"their names are {similarity:.0%} alike")


def _distribution_evidence(old: _Column, new: _Column) -> _Evidence:
    if min(len(old.values), len(new.values)) < _MIN_ROWS:
        return _Evidence(strength=0.0, reason="")
    telling = min(math.log2(max(old.num_distinct, new.num_distinct, 1)) / math.log2(_TELLING_VALUES), 1.0)
    weight = _DISTRIBUTION_WEIGHT * telling * (1 - abs(old.missing_share - new.missing_share))
    alike = _Evidence(strength=weight * _closeness(old, new), reason="their values are distributed alike")
    change = unit_change(old.values, new.values) if old.kind == "number" else None
    if change is None or not change.name or alike.strength >= weight * _RESCALED_WEIGHT:
        return alike
    return _Evidence(strength=weight * _RESCALED_WEIGHT, reason=change.words.rstrip("?"))


def _closeness(old: _Column, new: _Column) -> float:
    """1 where the distributions differ by chance alone, 0 from a distance of 0.2 on."""
    if old.kind == "number":
        distance = kolmogorov_smirnov_distance(old.values, new.values)
    else:
        distance = _total_variation(old.values, new.values)
    chance = kolmogorov_smirnov_chance(len(old.values), len(new.values)) / 2
    return 1 - min(max(distance - chance, 0.0) / _FAR_APART, 1.0)


def _total_variation(old: np.ndarray, new: np.ndarray) -> float:
    names, codes = np.unique(np.concatenate([old, new]), return_inverse=True)
    both = codes[: len(old)], codes[len(old) :]
    shares = [np.bincount(values, minlength=len(names)) / len(values) for values in both]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)
