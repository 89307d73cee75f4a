"""Which examples are in the slices that the problem file pins.

Shapes: N examples.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.model_analysis.traits.example_traits import traits_of
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.pinned_slices import PinnedSlice
from components.shared.tables.label_expression import LabelExpression, SLICE_LANGUAGE


def pinned_masks(
    examples: ExampleTable, example_ids: Sequence[str], *, splits: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Masks of the pinned slices, shape (N,) each, bool, by their names; nothing is read where there are none.

    An example of which a value that decides is missing is in no slice.

    Parameters
    ----------
    example_ids
        Of N examples, as the predictions table has them.
    splits
        Where they are looked for; None looks everywhere.

    Raises
    ------
    ValueError
        If an example is not in the table, or a condition mixes texts and numbers.
    """
    pinned = examples.info.pinned_slices
    if not pinned:
        return {}
    names = list(dict.fromkeys(name for item in pinned for name in item.columns()))
    traits = traits_of(examples, example_ids, splits=splits, names=names)
    columns = {name: _readable(traits.column(name).combine_chunks()) for name in names}
    return {item.name: _mask(item, columns) for item in pinned}


def _mask(item: PinnedSlice, columns: dict[str, pa.Array]) -> np.ndarray:
    found = LabelExpression(item.where, SLICE_LANGUAGE).evaluate(columns)
    mask: np.ndarray = pc.fill_null(found, False).to_numpy(zero_copy_only=False)
    return mask.astype(bool)


def _readable(values: pa.Array) -> pa.Array:
    """Texts as plain strings, for the expression language tells them by their type."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values.cast(pa.string()) if pa.types.is_large_string(values.type) else values
