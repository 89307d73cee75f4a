"""The slices that the problem file pins, as columns of two samples: whether the share of each is what it was.

Shapes: N rows of a sample.
"""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from components.data_validation.comparison.dataset_profile import DatasetProfile
from components.data_validation.tables.arrow_lists import examined_values, ExaminedColumn
from components.shared.contracts.pinned_slices import PinnedSlice
from components.shared.tables.label_expression import LabelExpression, SLICE_LANGUAGE

_ELSEWHERE = "all others"
_NUMBER_KINDS = ("integer", "float")


def with_watched_slices(
    reference: DatasetProfile, current: DatasetProfile
) -> tuple[DatasetProfile, DatasetProfile, tuple[str, ...]]:
    """Both datasets with a column `slice: NAME` for each slice that the reference pins, and a remark for each without.

    Its values are the slice's name and "all others"; as everywhere, an example of which a value that decides is missing
    is in no slice. It is no feature: it takes no part in the joint comparison. A slice is not watched where either
    sample lacks a column of its condition, or the condition mixes texts and numbers there.
    """
    remarks = []
    for item in reference.pinned_slices:
        try:
            one, other = (_with_slice(profile, item) for profile in (reference, current))
        except ValueError as error:
            remarks.append(f"the pinned slice {item.name!r} is not watched: {error}")
        else:
            reference, current = one, other
    return reference, current, tuple(remarks)


def _with_slice(profile: DatasetProfile, item: PinnedSlice) -> DatasetProfile:
    known = {column.name: column for column in profile.columns}
    if absent := [name for name in item.columns() if name not in known]:
        raise ValueError(f"{profile.name} has no column {absent[0]!r} that is examined")
    if masked := [name for name in item.columns() if known[name].kind == "masked"]:
        raise ValueError(f"column {masked[0]!r} is personal data")
    condition = LabelExpression(item.where, SLICE_LANGUAGE)
    within = condition.evaluate({name: _readable(profile, known[name]) for name in condition.columns})
    values = pc.if_else(pc.fill_null(within, False), item.name, _ELSEWHERE)
    column = ExaminedColumn(name=f"slice: {item.name}", role="metadata", kind="category", also=("slice",))
    return replace(
        profile,
        columns=(*profile.columns, column),
        sample=profile.sample.append_column(column.name, pa.chunked_array([values])),
    )


def _readable(profile: DatasetProfile, column: ExaminedColumn) -> pa.Array:
    """Numbers as they are, all else as texts, for the expression language tells them by their type."""
    values = examined_values(profile.sample.column(column.name).combine_chunks(), column.kind, is_kept=column.is_kept)
    return values if column.kind in _NUMBER_KINDS else values.cast(pa.string())
