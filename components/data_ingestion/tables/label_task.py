"""Whether a table's label is a class or a number: the problem file says, else the labels themselves."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from components.data_ingestion.table_scan import ScannedTable
from components.data_ingestion.tables.column_plan import ColumnPlan
from components.shared.contracts.problem import Problem
from components.shared.tables.label_expression import LabelExpression
from components.shared.tables.number_labels import cleaned_labels, label_kind, MAX_CLASS_VALUES

# What more rows say of a label is hardly another thing.
_LOOKED_AT = 200_000


def with_task(plan: ColumnPlan, tables: Sequence[ScannedTable], problem: Problem) -> ColumnPlan:
    """The plan with its task: `task`, the target, `label.classes` or the expression decides, else the first labels.

    `ValueError` where a number is asked of texts, or of a label that is true or false.
    """
    is_regression, sentence = _task(plan, tables, problem)
    if is_regression and plan.modality != "tabular":
        raise ValueError(
            f"the label of {tables[0].file.uri} must be a class where examples are {plan.modality}, but it is a "
            "number: cut it into classes by label.expression, or write task: classification"
        )
    return replace(plan, is_regression=is_regression, task_sentence=sentence)


def _task(plan: ColumnPlan, tables: Sequence[ScannedTable], problem: Problem) -> tuple[bool, str]:
    is_condition = isinstance(plan.label, LabelExpression) and not plan.label.is_number
    if problem.asked_task == "regression" and is_condition:
        raise ValueError(
            f"label.expression must give a number where the task is regression, but {problem.label.expression!r} is "
            "true or false"
        )
    if problem.asked_task is not None:
        return problem.asked_task == "regression", ""
    if problem.label.classes or is_condition:
        return False, ""
    if isinstance(plan.label, LabelExpression):
        return True, "the task is regression: the label's expression gives a number"
    found = label_kind(_first_labels(tables[0], plan.label))
    seen = f"{found.num_values:,} different numbers in {found.num_labelled:,} rows"
    if found.is_regression:
        return True, f"the task is regression: the label has {seen} (task: classification takes them for classes)"
    if found.num_values > MAX_CLASS_VALUES:
        return False, f"the label's {seen} are taken for classes (task: regression predicts them as a number)"
    return False, ""


def _first_labels(table: ScannedTable, name: str) -> pa.Array:
    parts: list[pa.Array] = []
    num_rows = 0
    for batch in table.file.iter_batches():
        parts.append(batch.column(batch.schema.get_field_index(name)))
        num_rows += batch.num_rows
        if num_rows >= _LOOKED_AT:
            break
    labels = pa.chunked_array(parts).combine_chunks() if parts else pa.array([], pa.string())
    return cleaned_labels(labels, table.file.cleaning)
