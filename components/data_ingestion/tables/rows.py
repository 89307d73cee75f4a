"""Rows of a table on their way to the example table: typed, labelled, fingerprinted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data_ingestion.event_times import event_times, NO_TIME
from components.data_ingestion.label_provenance import row_provenance, RowProvenance
from components.data_ingestion.personal_values import carried_values
from components.data_ingestion.tables.column_plan import ColumnPlan
from components.shared.contracts.split_line import content_fingerprints
from components.shared.tables.column_types import as_type
from components.shared.tables.label_expression import LabelExpression
from components.shared.tables.number_labels import cleaned_labels, label_numbers
from components.shared.tables.value_cleaning import MAX_VALUE_BYTES, too_long, ValueCleaning

NO_TEXT = "it has no text"
NO_FEATURE = "none of its features has a value"
NO_ID = "it has no identifier"
NO_NUMBER = "its label is not a finite number"


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedRows:
    """Rows of one batch, N of them; text, ids, groups and times are None where the problem has none.

    Attributes
    ----------
    labels
        Shape (N,), string, or float64 where the label is a number; null where unlabelled.
    columns
        Columns of the example table that come from the source, by their names there. Personal data are hashed or
        masked, except in features.
    carried_groups
        The groups as the example table holds them, string: an earlier table knows them by these.
    contents
        N fingerprints of what a model sees: equal ones must not straddle splits.
    rows
        N fingerprints of the whole row.
    reasons
        N reasons why a row cannot be used, None where it can.
    provenance
        Where the labels come from.
    times
        Shape (N,), float64: larger is later, `nan` where it cannot be read; only where time decides the split.
    """

    labels: pa.Array
    columns: dict[str, pa.Array]
    text: pa.Array | None
    ids: pa.Array | None
    groups: pa.Array | None
    carried_groups: pa.Array | None
    contents: list[str]
    rows: list[str]
    reasons: list[str | None]
    provenance: RowProvenance
    times: np.ndarray | None


def prepared_rows(batch: pa.RecordBatch, plan: ColumnPlan, cleaning: ValueCleaning) -> PreparedRows:
    """Prepare a batch, row by row in its order; columns that the plan does not need are not looked at.

    `cleaning` is done to every value but the text of `modality: text`, which stays as it stands.

    Raises
    ------
    RefusedRowError
        If a row says of its label what cannot be.
    """
    raw = {name: batch.column(number) for number, name in enumerate(batch.schema.names)}
    columns = {
        column.name: carried_values(
            cleaning.column(raw[column.source], column.kind), column.roles, is_kept=column.is_kept
        )
        for column in plan.outputs
    }
    labels, is_wrong = _labels(raw, plan, cleaning)
    text = None if plan.text is None else as_type(raw[plan.text], pa.string())
    ids = None if plan.id is None else cleaning.column(raw[plan.id], pa.string())
    payload = [columns[column.name] for column in plan.features] if text is None else [text]
    groups = None if plan.group is None else cleaning.column(raw[plan.group], pa.string())
    times = None if plan.time is None else event_times(cleaning.column(raw[plan.time], plan.time_kind or pa.string()))
    whole = [labels, *columns.values(), *([] if text is None else [text]), *([] if ids is None else [ids])]
    reasons = _reasons(raw, plan, text, ids, payload, times)
    if is_wrong is not None:
        _mark(reasons, is_wrong, NO_NUMBER)
    return PreparedRows(
        labels=labels,
        columns=columns,
        text=text,
        ids=ids,
        groups=groups,
        carried_groups=_carried_groups(columns, plan, groups),
        contents=content_fingerprints(payload),
        rows=content_fingerprints(whole),
        reasons=reasons,
        provenance=row_provenance(raw, labels, plan.provenance, plan.label_version),
        times=times,
    )


def _carried_groups(columns: dict[str, pa.Array], plan: ColumnPlan, groups: pa.Array | None) -> pa.Array | None:
    carried = next((columns[column.name] for column in plan.outputs if column.source == plan.group), groups)
    return None if carried is None else carried.cast(pa.string())


def _labels(raw: dict[str, pa.Array], plan: ColumnPlan, cleaning: ValueCleaning) -> tuple[pa.Array, pa.Array | None]:
    """Labels, and which of them are no number where they should be."""
    if isinstance(plan.label, LabelExpression):
        columns = {name: cleaning.column(raw[name], kind) for name, kind in plan.expression_types.items()}
        values = plan.label.evaluate(columns)
        return label_numbers(values) if plan.is_regression else (values.cast(pa.string()), None)
    if not plan.is_regression:
        return cleaning.of_labels.column(raw[plan.label], pa.string()), None
    numbers, is_wrong = label_numbers(cleaned_labels(raw[plan.label], cleaning))
    # A number that means missing does so however it is written.
    return cleaning.of_labels.typed(numbers), is_wrong


def _reasons(
    raw: dict[str, pa.Array],
    plan: ColumnPlan,
    text: pa.Array | None,
    ids: pa.Array | None,
    payload: Sequence[pa.Array],
    times: np.ndarray | None,
) -> list[str | None]:
    reasons: list[str | None] = [None] * len(payload[0])
    if text is not None:
        blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(text), ""), True)
        _mark(reasons, blank, NO_TEXT)
    else:
        missing = payload[0].is_null()
        for column in payload[1:]:
            missing = pc.and_(missing, column.is_null())
        _mark(reasons, missing, NO_FEATURE)
    if ids is not None:
        _mark(reasons, ids.is_null(), NO_ID)
    for name in plan.needed:
        if (is_long := too_long(raw[name])) is not None:
            _mark(reasons, is_long, f"its value of {name!r} is longer than {MAX_VALUE_BYTES >> 20} MB")
    if times is not None:
        _mark(reasons, pa.array(~np.isfinite(times)), NO_TIME)
    return reasons


def _mark(reasons: list[str | None], mask: pa.Array, reason: str) -> None:
    for row in pc.indices_nonzero(mask).to_pylist():
        reasons[row] = reason
