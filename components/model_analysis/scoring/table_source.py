"""A table file as a stream of examples: what a model reads, and the label where the table has one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.model_analysis.scoring.example_batches import (
    BATCH_ROWS,
    ExampleBatch,
    ExampleSource,
    UniqueNames,
    UnreadableExample,
)
from components.model_analysis.scoring.table_columns import choose_columns, TableColumns, TableHints
from components.model_analysis.scoring.unusable_rows import first_unusable
from components.modeling.features import Features, features_cleaning, raw_column_types
from components.shared.tables.column_types import as_type
from components.shared.tables.label_expression import LabelExpression
from components.shared.tables.personal_key import keyed_hash
from components.shared.tables.photo_tables import holds_images, image_cells
from components.shared.tables.repairs import FailedRepairs
from components.shared.tables.table_files import RaggedRow, TableFile
from components.shared.tables.table_recognition import table_file
from components.shared.tables.table_rows import column_types, iter_rows, Rows
from components.shared.tables.value_cleaning import MAX_VALUE_BYTES, too_long, ValueCleaning

_SPLIT = "test"
_NO_TEXT = "it has no text"


def table_source(path: Path, features: Features, hints: TableHints) -> ExampleSource:
    """Open a table file, whose name ends as `components.shared.tables.table_recognition` knows.

    Examples are named by the table's identifiers, else by the images' paths, else `row-<number>`; a name that repeats
    is made unique. Rows with too few or too many values, blank texts and values of more than 1 MB are quarantined. What
    the model reads is repaired and cleaned as in its training, label and identifier are cleaned as the problem file
    says. ValueError where the table lacks a column that the model reads or, while it is read, where a column of numbers
    holds something else.
    """
    file = table_file(str(path), hints.problem.table, hints.repairs)
    if features.modality == "tabular":
        file = replace(file, repair_cleaning=features_cleaning(features))
    columns = choose_columns(file.column_names(), features, hints, where=str(path))
    _check_types(file, columns, features)
    table = _Table(
        file=file,
        columns=columns,
        modality=features.modality,
        types=_types(features),
        cleaning=features_cleaning(features),
        label_types=column_types(file, columns.label.columns) if isinstance(columns.label, LabelExpression) else {},
        has_personal_ids=hints.is_personal(columns.example_id),
        is_personal=hints.is_personal,
    )
    num_rows = pq.read_metadata(path).num_rows if file.is_parquet else None
    return ExampleSource(
        batches=table.batches(),
        num_examples=num_rows,
        unreadable=table.unreadable,
        failed_repairs=table.failed_repairs,
    )


def _row_name(row: int) -> str:
    return f"row-{row:06d}"


def _types(features: Features) -> dict[str, pa.DataType]:
    """Types in which the model reads columns of texts and numbers; images have none."""
    if features.modality == "tabular":
        return raw_column_types(features)
    return {"text": pa.string()} if features.modality == "text" else {}


def _check_types(file: TableFile, columns: TableColumns, features: Features) -> None:
    """Check the types of a Parquet file's columns; those of delimited text are all texts."""
    if not file.is_parquet:
        return
    single = [name for name in (columns.label, columns.example_id) if isinstance(name, str)]
    payload = list(columns.payload.values())
    column_types(file, single if features.modality == "image" else [*single, *payload])
    if features.modality == "image" and not holds_images(kind := file.schema().field(payload[0]).type):
        raise ValueError(f"column {payload[0]!r} of {file.uri} must hold encoded images or paths, got {kind}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Table:
    """A table file, and what its columns are."""

    file: TableFile
    columns: TableColumns
    modality: str
    types: Mapping[str, pa.DataType]
    cleaning: ValueCleaning
    label_types: Mapping[str, pa.DataType]
    has_personal_ids: bool
    is_personal: Callable[[str], bool]
    unreadable: list[UnreadableExample] = field(default_factory=list)
    failed_repairs: list[str] = field(default_factory=list)

    def batches(self) -> Iterator[ExampleBatch]:
        """The table's rows as examples."""
        single = [name for name in (self.columns.label, self.columns.example_id) if isinstance(name, str)]
        wanted = list(dict.fromkeys([*self.columns.payload.values(), *single, *self.label_types]))
        unique, num_before = UniqueNames(), 0
        ragged: list[RaggedRow] = []
        failed = FailedRepairs()
        batch_rows = BATCH_ROWS[self.modality]
        for rows in iter_rows(self.file, wanted, batch_rows=batch_rows, ragged=ragged, failed=failed):
            names = [_row_name(num_before + row) for row in range(len(next(iter(rows.values()))))]
            num_before += len(names)
            yield self._batch(rows, names, unique)
        first = "first row" if self.file.first_row == 1 else "header"
        for row in ragged:
            self._quarantine(
                f"row {row.row}", f"it has {row.num_found} values where the {first} has {row.num_expected}"
            )
        for found in failed.by_column.values():
            is_personal = self.is_personal(found.column)
            self.failed_repairs.append(found.sentence(_row_name(found.row), is_personal=is_personal))

    def _batch(self, rows: Rows, names: list[str], unique: UniqueNames) -> ExampleBatch:
        payload = {name: rows[column] for name, column in self.columns.payload.items()}
        paths: dict[int, str] = {}
        if self.modality == "image":
            payload["image"], paths = image_cells(payload["image"])
            names = [paths.get(row, name) for row, name in enumerate(names)]
        names = unique(self._ids(rows, names))
        batch = ExampleBatch(
            example_ids=names,
            labels=self._labels(rows, len(names)),
            splits=[_SPLIT] * len(names),
            columns={name: self._typed(name, values, names) for name, values in payload.items()},
            files={row: Path(self.file.uri).parent / path for row, path in paths.items()},
        )
        batch = self._without_long(batch, payload)
        return self._with_text(batch) if self.modality == "text" else batch

    def _ids(self, rows: Rows, names: list[str]) -> list[str]:
        if self.columns.example_id is None:
            return names
        given = self.file.cleaning.column(rows[self.columns.example_id], pa.string()).to_pylist()
        if self.has_personal_ids:
            given = [value and keyed_hash(value) for value in given]
        return [value or name for value, name in zip(given, names, strict=True)]

    def _labels(self, rows: Rows, num_rows: int) -> list[str | None]:
        label = self.columns.label
        if label is None:
            return [None] * num_rows
        if isinstance(label, LabelExpression):
            typed = {name: self.file.cleaning.column(rows[name], kind) for name, kind in self.label_types.items()}
            labels: list[str | None] = label.evaluate(typed).cast(pa.string()).to_pylist()
        else:
            labels = self.file.cleaning.of_labels.column(rows[label], pa.string()).to_pylist()
        return labels

    def _typed(self, name: str, values: pa.Array, names: list[str]) -> pa.Array:
        """A column of texts in the type that the model reads, whatever its values look like; numbers stay numbers."""
        kind = self.types.get(name)
        if kind == pa.string():
            return as_type(values, kind) if self.modality == "text" else self.cleaning.column(values, kind)
        if kind is None or not pa.types.is_string(values.type):
            return values
        try:
            return self.cleaning.column(values, pa.float64())
        except pa.ArrowInvalid as error:
            row, _ = first_unusable({name: values}, lambda part: self.cleaning.column(part[name], pa.float64())) or (
                0,
                error,
            )
            raise ValueError(
                f"column {self.columns.payload[name]!r} of {self.file.uri} must hold numbers, as the model reads them, "
                f"but that of {names[row]} is none"
            ) from error

    def _without_long(self, batch: ExampleBatch, payload: Mapping[str, pa.Array]) -> ExampleBatch:
        """The examples of which no value is too long; the others are quarantined."""
        reasons: dict[int, str] = {}
        for name, values in payload.items():
            is_long = too_long(values)
            for row in [] if is_long is None else pc.indices_nonzero(is_long).to_pylist():
                column = self.columns.payload[name]
                reasons.setdefault(row, f"its value of {column!r} is longer than {MAX_VALUE_BYTES >> 20} MB")
        for row, reason in sorted(reasons.items()):
            self._quarantine(batch.example_ids[row], reason)
        return batch.take([row for row in range(len(batch)) if row not in reasons])

    def _with_text(self, batch: ExampleBatch) -> ExampleBatch:
        """The examples whose text is not blank; the others are quarantined."""
        (texts,) = batch.columns.values()
        is_blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(texts), ""), True).to_pylist()
        for row, blank in enumerate(is_blank):
            if blank:
                self._quarantine(batch.example_ids[row], _NO_TEXT)
        return batch.take([row for row, blank in enumerate(is_blank) if not blank])

    def _quarantine(self, example_id: str, reason: str) -> None:
        self.unreadable.append(UnreadableExample(example_id=example_id, split=_SPLIT, reason=reason))
