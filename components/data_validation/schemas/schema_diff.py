"""What changed from one schema to the next, and what each change breaks."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
import math
from typing import Literal

from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.schemas.offending_values import listed_words
from components.data_validation.schemas.schema_domains import (
    checked_features,
    environments_of,
    listed_values,
    numeric_range,
    values_a_row,
)
from components.data_validation.schemas.schema_inference import without_values
from components.data_validation.schemas.schema_renames import suggested_renames

Change = Literal[
    "column_gone",
    "column_new",
    "type_changed",
    "presence_tightened",
    "presence_loosened",
    "values_added",
    "values_removed",
    "range_narrowed",
    "range_widened",
    "shape_tightened",
    "shape_loosened",
    "environment_added",
    "environment_removed",
    "rules_changed",
]
Broken = Literal["old_data", "old_consumers"]
_RULES = (
    "distribution_constraints",
    "unique_constraints",
    "skew_comparator",
    "drift_comparator",
    "sequence_metadata",
    "struct_domain",
    "natural_language_domain",
    "image_domain",
    "mid_domain",
    "url_domain",
    "time_domain",
    "time_of_day_domain",
    "group_presence",
    "value_counts",
)
_COMPARATORS = {"skew_comparator", "drift_comparator"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaDifference:
    """One change from an old schema to a new one.

    Attributes
    ----------
    column
        Empty where it concerns the whole schema.
    breaks
        Who breaks. `old_data`: data that fit the old schema may not fit the new one (a bound is tighter, a value or a
        required column is asked for). `old_consumers`: what relies on the old schema, such as a model, may meet data
        that it never promised (a column is gone, a value is new, a bound is looser). Both where the two do not overlap,
        as for another type; empty where neither breaks, as for a new column that may be absent or a comparator's
        threshold. Other rules that differ, such as constraints, are taken as tighter: `old_data`.
    renamed_to
        For a column that is gone: the new column that may be the same one; empty where none is like it.
    """

    column: str
    what: Change
    breaks: tuple[Broken, ...]
    message: str
    renamed_to: str = ""

    @property
    def breaking(self) -> bool:
        """Whether anything breaks."""
        return bool(self.breaks)


def schema_differences(
    old: schema_pb2.Schema, new: schema_pb2.Schema, *, masked: Collection[str] = ()
) -> tuple[SchemaDifference, ...]:
    """Every change, by column in the old schema's order, new columns last; the order of columns or values is none.

    A column that TFDV no longer checks (`lifecycle_stage: DEPRECATED`, say) is gone; values of `masked` columns, which
    may hold personal data, are not compared.
    """
    old, new = without_values(old, masked), without_values(new, masked)
    before, after = checked_features(old), checked_features(new)
    gone = [name for name in before if name not in after]
    added = [name for name in after if name not in before]
    renames = suggested_renames(old, new)
    differences = [*_declared(old, new)]
    differences += [_gone(name, renames.get(name, "")) for name in gone]
    for name in before.keys() & after.keys():
        pair = _Pair(old=before[name], new=after[name], old_schema=old, new_schema=new)
        differences += _column_differences(pair)
    differences += [_new(after[name]) for name in added]
    order = {name: rank for rank, name in enumerate(["", *before, *added])}
    return tuple(sorted(differences, key=lambda difference: order[difference.column]))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    old: schema_pb2.Feature
    new: schema_pb2.Feature
    old_schema: schema_pb2.Schema
    new_schema: schema_pb2.Schema

    def difference(self, what: Change, broken: Broken | None, words: str) -> SchemaDifference:
        consequences: dict[Broken | None, str] = {
            "old_data": "; data that fit the old schema may no longer fit",
            "old_consumers": "; a model trained on the old schema may meet what it never saw",
            None: "",
        }
        return SchemaDifference(
            column=self.old.name,
            what=what,
            breaks=(broken,) if broken else (),
            message=f"column {self.old.name!r} {words}{consequences[broken]}",
        )


def _gone(name: str, renamed_to: str) -> SchemaDifference:
    words = f"column {name!r} is gone: a model trained on the old schema lacks it"
    if renamed_to:
        words += f"; the new column {renamed_to!r} may be the same one under another name"
    return SchemaDifference(
        column=name, what="column_gone", breaks=("old_consumers",), message=words, renamed_to=renamed_to
    )


def _new(feature: schema_pb2.Feature) -> SchemaDifference:
    required = feature.presence.min_fraction > 0 or feature.presence.min_count > 0
    consequence = "data that fit the old schema lack it" if required else "it may be absent"
    return SchemaDifference(
        column=feature.name,
        what="column_new",
        breaks=("old_data",) if required else (),
        message=f"column {feature.name!r} is new: {consequence}",
    )


def _declared(old: schema_pb2.Schema, new: schema_pb2.Schema) -> Iterator[SchemaDifference]:
    before, after = set(old.default_environment), set(new.default_environment)
    for name in sorted(before - after):
        message = f"the environment {name} is gone: nothing can be validated in it any more"
        yield SchemaDifference(column="", what="environment_removed", breaks=("old_consumers",), message=message)
    for name in sorted(after - before):
        message = f"the environment {name} is new"
        yield SchemaDifference(column="", what="environment_added", breaks=(), message=message)
    if old.dataset_constraints != new.dataset_constraints:
        message = "the bounds on the number of rows changed; data that fit the old schema may no longer fit"
        yield SchemaDifference(column="", what="rules_changed", breaks=("old_data",), message=message)


def _column_differences(pair: _Pair) -> Iterator[SchemaDifference]:
    if pair.old.type != pair.new.type:
        names = [schema_pb2.FeatureType.Name(feature.type) for feature in (pair.old, pair.new)]
        changed = pair.difference("type_changed", "old_data", f"changes its type from {names[0]} to {names[1]}")
        message = f"{changed.message}, and a model trained on the old schema cannot read it"
        yield replace(changed, breaks=("old_data", "old_consumers"), message=message)
    else:
        yield from _listed(pair)
        yield from _ranges(pair)
    yield from _presence(pair)
    yield from _shapes(pair)
    yield from _environments(pair)
    yield from _rules(pair)


def _listed(pair: _Pair) -> Iterator[SchemaDifference]:
    old, new = listed_values(pair.old_schema, pair.old), listed_values(pair.new_schema, pair.new)
    if old is None or new is None:
        if new is not None:
            yield pair.difference("values_removed", "old_data", f"is now held to {len(new)} listed values")
        elif old is not None:
            yield pair.difference("values_added", "old_consumers", "may now have any value")
        return
    removed, added = [value for value in old if value not in new], [value for value in new if value not in old]
    if removed:
        yield pair.difference("values_removed", "old_data", f"may no longer be {listed_words(removed)}")
    if added:
        yield pair.difference("values_added", "old_consumers", f"may now also be {listed_words(added)}")


def _ranges(pair: _Pair) -> Iterator[SchemaDifference]:
    old, new = numeric_range(pair.old), numeric_range(pair.new)
    words = f"was to lie in {_interval(*old)} and now in {_interval(*new)}"
    if new[0] > old[0] or new[1] < old[1]:
        yield pair.difference("range_narrowed", "old_data", words)
    if new[0] < old[0] or new[1] > old[1]:
        yield pair.difference("range_widened", "old_consumers", words)


def _presence(pair: _Pair) -> Iterator[SchemaDifference]:
    old, new = pair.old.presence, pair.new.presence
    words = (
        f"needed a value in {old.min_fraction:.1%} of the rows and in {old.min_count} rows at least, "
        f"and now in {new.min_fraction:.1%} and {new.min_count}"
    )
    if new.min_fraction > old.min_fraction or new.min_count > old.min_count:
        yield pair.difference("presence_tightened", "old_data", words)
    if new.min_fraction < old.min_fraction or new.min_count < old.min_count:
        yield pair.difference("presence_loosened", "old_consumers", words)


def _shapes(pair: _Pair) -> Iterator[SchemaDifference]:
    old, new = values_a_row(pair.old), values_a_row(pair.new)
    words = f"was to have {_interval(*old)} values a row and now {_interval(*new)}"
    if pair.old.HasField("shape") and pair.new.HasField("shape") and pair.old.shape != pair.new.shape:
        changed = pair.difference("shape_tightened", "old_data", f"changes its shape; it {words}")
        yield replace(changed, breaks=("old_data", "old_consumers"))
        return
    if new[0] > old[0] or new[1] < old[1]:
        yield pair.difference("shape_tightened", "old_data", words)
    if new[0] < old[0] or new[1] > old[1]:
        yield pair.difference("shape_loosened", "old_consumers", words)


def _environments(pair: _Pair) -> Iterator[SchemaDifference]:
    declared = set(pair.old_schema.default_environment) & set(pair.new_schema.default_environment)
    old, new = environments_of(pair.old, declared), environments_of(pair.new, declared)
    for name in sorted(old - new):
        yield pair.difference("environment_removed", "old_consumers", f"is no longer expected in {name}")
    for name in sorted(new - old):
        yield pair.difference("environment_added", "old_data", f"is now expected in {name} too")


def _rules(pair: _Pair) -> Iterator[SchemaDifference]:
    for name in _RULES:
        if pair.old.HasField(name) != pair.new.HasField(name) or getattr(pair.old, name) != getattr(pair.new, name):
            broken: Broken | None = None if name in _COMPARATORS else "old_data"
            yield pair.difference("rules_changed", broken, f"has another {name} than before")


def _interval(low: float, high: float) -> str:
    if not math.isfinite(low) and not math.isfinite(high):
        return "any range"
    if low == high:
        return f"{low:.6g}"
    if not math.isfinite(high):
        return f"{low:.6g} or more"
    return f"at most {high:.6g}" if not math.isfinite(low) else f"{low:.6g} to {high:.6g}"
