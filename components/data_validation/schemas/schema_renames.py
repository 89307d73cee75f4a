"""Which new column of a schema may be an old one under another name, by the schemas alone."""

import difflib
import math

from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.schemas.schema_domains import checked_features, listed_values, numeric_range

MIN_LIKENESS = 0.5


def suggested_renames(old: schema_pb2.Schema, new: schema_pb2.Schema) -> dict[str, str]:
    """New name by old one, each at most once, the most alike paired first.

    Alike means: of one type, and a likeness of at least 0.5, which is the mean of the names' and, where both list
    values or bound numbers, the domains'.
    """
    before, after = checked_features(old), checked_features(new)
    pairs = [
        (_likeness(old, before[gone], new, after[added]), gone, added)
        for gone in before
        if gone not in after
        for added in after
        if added not in before and before[gone].type == after[added].type
    ]
    renames: dict[str, str] = {}
    for likeness, gone, added in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if likeness >= MIN_LIKENESS and gone not in renames and added not in renames.values():
            renames[gone] = added
    return renames


def _likeness(
    old: schema_pb2.Schema, gone: schema_pb2.Feature, new: schema_pb2.Schema, added: schema_pb2.Feature
) -> float:
    names = difflib.SequenceMatcher(a=gone.name.casefold(), b=added.name.casefold(), autojunk=False).ratio()
    values = listed_values(old, gone), listed_values(new, added)
    if values[0] is not None and values[1] is not None:
        return (names + _overlap(set(values[0]), set(values[1]))) / 2
    ranges = numeric_range(gone), numeric_range(added)
    if all(map(math.isfinite, (*ranges[0], *ranges[1]))):
        return (names + _range_overlap(*ranges)) / 2
    return names


def _overlap(left: set[str], right: set[str]) -> float:
    """Jaccard index: shared values for all values of either; 0 where neither has any."""
    return len(left & right) / len(left | right) if left | right else 0.0


def _range_overlap(left: tuple[float, float], right: tuple[float, float]) -> float:
    """Length that two ranges share for the length that they span; 1 where both are one and the same number."""
    span = max(left[1], right[1]) - min(left[0], right[0])
    shared = min(left[1], right[1]) - max(left[0], right[0])
    return max(0.0, shared) / span if span > 0 else 1.0
