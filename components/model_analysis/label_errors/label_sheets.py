"""Lists for people: the correction queue, and the random sample of the audit, as CSV files that a spreadsheet opens.

Personal columns are left out, personal data in texts are masked, and no cell runs as a formula.
"""

from collections.abc import Mapping, Sequence
import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.model_analysis.label_errors.ranking import RankedLabel
from components.shared.contracts.example_table import ColumnRole, ExampleTable
from components.shared.contracts.merge_labels import CORRECTED, ID, VERDICT
from components.shared.runtime.atomic_files import write_text
from components.shared.tables.personal_columns import hashed_texts, kept_columns, masked_texts
from components.shared.tables.spreadsheet_cells import guarded_cell

MAX_COLUMNS = 20
_SHOWN_ROLES: tuple[ColumnRole, ...] = ("payload", "feature", "id", "slice", "group", "time", "metadata")
_BOM = "\ufeff"
_AUDIT_SEED = 19


def audit_sample(ranked: Sequence[RankedLabel], num_rows: int) -> list[RankedLabel]:
    """Labels drawn at random, always the same of the same labels, in random order: any beginning is a sample too."""
    by_id = sorted(ranked, key=lambda label: label.example_id)
    drawn = np.random.default_rng(_AUDIT_SEED).permutation(len(by_id))[:num_rows]
    return [by_id[row] for row in drawn.tolist()]


def write_queue(path: str | Path, labels: Sequence[RankedLabel], examples: ExampleTable) -> None:
    """The correction queue: what to look at first, with empty columns for what a person says."""
    told = [
        {
            ID: label.example_id,
            "split": label.split,
            "given_label": label.given,
            "suggested_label": label.suggested,
            VERDICT: "",
            CORRECTED: "",
            "score": f"{label.score:.4f}",
            "suspected": "yes" if label.is_suspected else "no",
            "why": label.why,
            "label_source": label.source,
        }
        for label in labels
    ]
    _write(path, told, labels, examples)


def write_audit(path: str | Path, labels: Sequence[RankedLabel], examples: ExampleTable) -> None:
    """The audit's sample; it does not say what is suspected, so that the person judges alone."""
    told = [{ID: label.example_id, "given_label": label.given, VERDICT: "", CORRECTED: ""} for label in labels]
    _write(path, told, labels, examples)


def shown_values(examples: ExampleTable, example_ids: Sequence[str]) -> dict[str, list[object]]:
    """Values of the columns that may be shown, masked, of some examples, by column."""
    info, kept = examples.info, kept_columns(examples.schema)
    names = [
        name
        for name in info.columns_of(*_SHOWN_ROLES)
        if name != ID and name in examples.schema.names and "pii" not in info.roles_of(name)
        if _is_plain(examples.schema.field(name).type)
    ][:MAX_COLUMNS]
    rows = _rows_of(examples, names, example_ids)
    return {
        name: (rows.column(name) if name in kept else masked_texts(rows.column(name).combine_chunks())).to_pylist()
        for name in names
    }


def images_of(examples: ExampleTable, example_ids: Sequence[str]) -> list[bytes]:
    """Encoded images of some examples, in their order."""
    images: list[bytes] = _rows_of(examples, ["image"], example_ids).column("image").to_pylist()
    return images


def _rows_of(examples: ExampleTable, names: Sequence[str], example_ids: Sequence[str]) -> pa.Table:
    """Rows of the examples, in the order of their identifiers as the predictions table has them."""
    wanted = pa.array(example_ids, pa.string())
    parts = []
    for batch in examples.iter_batches([ID, *names]):
        ids = batch.column(0) if ID in kept_columns(examples.schema) else hashed_texts(batch.column(0))
        found = pa.RecordBatch.from_arrays([ids, *batch.columns[1:]], [ID, *names])
        parts.append(found.filter(pc.is_in(ids, value_set=wanted)))
    rows = pa.Table.from_batches(parts)
    return rows.take(pc.index_in(wanted, value_set=rows.column(ID).combine_chunks()))


def _is_plain(kind: pa.DataType) -> bool:
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _write(
    path: str | Path, told: Sequence[Mapping[str, str]], labels: Sequence[RankedLabel], examples: ExampleTable
) -> None:
    shown = shown_values(examples, [label.example_id for label in labels]) if labels else {}
    known = list(told[0]) if told else [ID, "given_label", VERDICT, CORRECTED]
    names = {name: name if name not in known else f"{name} (column)" for name in shown}
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([guarded_cell(name) for name in [*known, *names.values()]])
    for row, cells in enumerate(told):
        writer.writerow([guarded_cell(value) for value in [*cells.values(), *(shown[name][row] for name in names)]])
    write_text(path, _BOM + text.getvalue())
