"""Where a table's labels come from: people, a model or a rule; and by which definition of the label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import LABEL_SOURCES
from components.shared.tables.column_roles import PROVENANCE_NAMES
from components.shared.tables.column_types import as_type

OLDER = "labelled by an older definition of the label (label.keep_older keeps them for training)"
# Which model gave a label and in which round of labelling is carried along as it is.
SOURCE, VERSION, *CARRIED = PROVENANCE_NAMES


class RefusedRowError(ValueError):
    """A row that no table may hold; `row` counts from 0 within its batch."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row = row


@dataclass(frozen=True, kw_only=True, slots=True)
class RowProvenance:
    """Where the labels of N rows come from.

    Attributes
    ----------
    sources
        Shape (N,), string: `person`, `model` or `rule`; null where unlabelled.
    versions
        Shape (N,), int32: version of the label's definition.
    is_older
        Shape (N,), bool: labelled by an older definition than the problem file's.
    train_only
        Shape (N,), bool: labelled, but not by a person by the present definition. Nothing may be judged on them.
    """

    sources: pa.Array
    versions: pa.Array
    is_older: np.ndarray
    train_only: np.ndarray


def row_provenance(
    raw: Mapping[str, pa.Array], labels: pa.Array, columns: Sequence[str], version: int
) -> RowProvenance:
    """Provenance of rows; a label of which nothing is said counts as a person's, by the present definition.

    Parameters
    ----------
    raw
        Columns of the source.
    labels
        Shape (N,), null where unlabelled.
    columns
        Those that the table has, of `PROVENANCE_NAMES`.
    version
        The problem file's.

    Raises
    ------
    RefusedRowError
        If a row's source is unknown, or its version is no version of the label up to the present one.
    """
    labelled = np.asarray(labels.is_valid())
    sources = _sources(raw[SOURCE]) if SOURCE in columns else pa.repeat(pa.scalar("person"), len(labels))
    versions = _versions(raw[VERSION], version) if VERSION in columns else np.full(len(labels), version, np.int32)
    is_older = labelled & (versions < version)
    by_person = np.asarray(pc.equal(sources, "person"))
    return RowProvenance(
        sources=pc.if_else(pa.array(labelled), sources, pa.scalar(None, pa.string())),
        versions=pa.array(versions, pa.int32()),
        is_older=is_older,
        train_only=labelled & (is_older | ~by_person),
    )


def _sources(raw: pa.Array) -> pa.Array:
    texts = pc.utf8_trim_whitespace(as_type(raw, pa.string()))
    sources = pc.fill_null(pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts), "person")
    unknown = pc.invert(pc.is_in(sources, value_set=pa.array(LABEL_SOURCES)))
    _refuse_first(
        unknown,
        sources,
        f"{SOURCE} must be {', '.join(LABEL_SOURCES[:-1])} or {LABEL_SOURCES[-1]}, got {{value!r}}; a column that says "
        f"something else belongs under ignore in the problem file",
    )
    return sources


def _versions(raw: pa.Array, newest: int) -> np.ndarray:
    texts = pc.utf8_trim_whitespace(as_type(raw, pa.string()))
    texts = pc.fill_null(pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts), str(newest))
    _refuse_first(
        pc.invert(pc.match_substring_regex(texts, pattern="^[1-9][0-9]{0,8}$")),
        texts,
        f"{VERSION} must be a whole number from 1 on, got {{value!r}}",
    )
    versions = texts.cast(pa.int32())
    _refuse_first(
        pc.greater(versions, newest),
        texts,
        f"{VERSION} must be at most the problem file's label.version, {newest}, got {{value}}: set label.version",
    )
    return versions.to_numpy(zero_copy_only=False)


def _refuse_first(wrong: pa.Array, values: pa.Array, reason: str) -> None:
    rows = np.flatnonzero(np.asarray(wrong))
    if len(rows):
        raise RefusedRowError(int(rows[0]), reason.format(value=values[int(rows[0])].as_py()))
