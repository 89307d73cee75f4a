"""Row samples of two datasets as binned features, and as the vectors that a joint test compares.

Shapes: N rows of the reference, M rows of the current data, D dimensions.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from components.data_validation.tables.arrow_lists import examined_values, ExaminedColumn
from components.data_validation.tables.prepared_table import comparable
from components.drift.binned import binned_category, binned_number, BinnedFeature
from components.drift.joint import joint_columns

_NUMBER_KINDS = ("integer", "float", "time")
_JOINT_ROLES = ("feature", "derived", "slice", "sensitive")
_MIN_JOINT_COLUMNS = 2
# Categories beyond these share one bin, in which nothing can be seen to change: of 1,000 districts all must be seen.
_MOST_CATEGORIES = 1000


def binned_features(
    reference: pa.Table,
    current: pa.Table,
    *,
    reference_columns: Sequence[ExaminedColumn],
    current_columns: Sequence[ExaminedColumn],
) -> list[BinnedFeature]:
    """Columns that both samples have with values of one kind, binned, in the order of the reference.

    Personal data have one category: only the share of missing values is compared.
    """
    here = {column.name: column for column in current_columns}
    return [
        _binned(column, here[column.name], reference, current)
        for column in reference_columns
        if column.name in here and comparable(column, here[column.name])
    ]


def _binned(column: ExaminedColumn, other: ExaminedColumn, reference: pa.Table, current: pa.Table) -> BinnedFeature:
    both = [
        examined_values(table.column(column.name).combine_chunks(), examined.kind, is_kept=examined.is_kept)
        for table, examined in ((reference, column), (current, other))
    ]
    if column.kind in _NUMBER_KINDS:
        return binned_number(column.name, *(_as_floats(values) for values in both))
    names, codes = _codes(both)
    return binned_category(column.name, codes[0], codes[1], names, max_bins=_MOST_CATEGORIES)


def joint_vectors(
    features: Sequence[BinnedFeature],
    columns: Sequence[ExaminedColumn],
    *,
    embeddings: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray] | None:
    """What a joint test compares, shapes (N, D) and (M, D): the embeddings, else all columns that a model reads.

    None where fewer than two columns take part; label, prediction and personal data never do.
    """
    if embeddings is not None:
        return embeddings
    roles: Mapping[str, str] = {column.name: column.role for column in columns}
    taking_part = [feature for feature in features if roles.get(feature.name) in _JOINT_ROLES]
    return joint_columns(taking_part) if len(taking_part) >= _MIN_JOINT_COLUMNS else None


def embedding_matrix(table: pa.Table, column: str) -> np.ndarray | None:
    """A column of lists of one length, shape (N, D), float32; None where it is absent or holds anything else."""
    if column not in table.column_names:
        return None
    values = table.column(column).combine_chunks()
    kind = values.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return None
    flat = np.asarray(values.flatten(), dtype=np.float32)
    if values.null_count or not len(values) or len(flat) % len(values):
        return None
    vectors = flat.reshape(len(values), -1)
    return vectors if np.isfinite(vectors).all() else None


def _as_floats(values: pa.Array) -> np.ndarray:
    """Numbers as float64 of shape (N,), `nan` where missing."""
    floats = values.cast(pa.float64(), safe=False)
    return np.asarray(floats.fill_null(float("nan")), dtype=np.float64)


def _codes(both: Sequence[pa.Array]) -> tuple[list[str], list[np.ndarray]]:
    """The categories of both datasets in one dictionary, and the codes of each, -1 where missing."""
    texts = pa.concat_arrays([values.cast(pa.large_string()) for values in both])
    dictionary = texts.dictionary_encode()
    codes = np.asarray(dictionary.indices.fill_null(-1), dtype=np.int64)
    cut = len(both[0])
    return dictionary.dictionary.to_pylist(), [codes[:cut], codes[cut:]]
