"""A table with what is computed from its columns as it is read: the label, and the measures of texts."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from components.data_validation.tables.arrow_lists import column_kind, ExaminedColumn
from components.data_validation.tables.column_roles import (
    ColumnRoles,
    LABEL_COLUMN,
    recognised_roles,
    roles_of_examples,
)
from components.data_validation.tables.source_opening import open_table
from components.data_validation.tables.table_source import TablePart, TableSource
from components.shared.contracts.problem import Problem, TEXT_NAMES
from components.shared.tables.column_roles import PEEK_ROWS
from components.shared.tables.column_types import as_type
from components.shared.tables.label_expression import LabelExpression
from components.shared.tables.number_labels import label_numbers
from components.shared.tables.text_measures import TEXT_MEASURES, text_measures

_COMPARABLE = {"integer": "number", "float": "number", "time": "number"}


class PreparedTable(TableSource):
    """Reads a table source with the computed columns added; columns of `roles` that this table lacks are left out."""

    def __init__(self, source: TableSource, roles: ColumnRoles) -> None:
        super().__init__(source.uri, info=source.info)
        self.source = source
        self.roles = roles

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name

    @property
    def schema(self) -> pa.Schema:
        """The source's columns, then the computed ones; a text file's types may turn out to be others in reading."""
        computed = self._computed
        stored = [field for field in self.source.schema if field.name not in computed]
        return pa.schema([*stored, *(pa.field(name, kind) for name, kind in computed.items())])

    @property
    def num_rows(self) -> int | None:
        """The source's number of rows."""
        return self.source.num_rows

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the source has to say."""
        return self.source.remarks

    @property
    def columns(self) -> tuple[ExaminedColumn, ...]:
        """The examined columns that this table has, each with the kind that its values have here."""
        schema = self.schema
        known = set(schema.names)
        return tuple(_as_here(column, schema) for column in self.roles.columns if column.name in known)

    def check_label(self) -> None:
        """Raise `ValueError` where the label's expression mixes texts and numbers in columns of these types."""
        label = self.roles.label
        if not isinstance(label, LabelExpression) or LABEL_COLUMN not in self._computed:
            return
        nothing = {name: pa.array([], self.source.schema.field(name).type) for name in label.columns}
        try:
            label.evaluate({name: _number_or_text(values) for name, values in nothing.items()})
        except ValueError as error:
            raise ValueError(f"{self.uri}: {error}") from error

    def parts(self, num_parts: int) -> list[TablePart]:
        """The source's parts."""
        return self.source.parts(num_parts)

    def settle(self) -> None:
        """Let the source find out its types."""
        self.source.settle()

    def _batches(self, columns: Sequence[str], part: TablePart | None, batch_rows: int) -> Iterator[pa.RecordBatch]:
        computed = self._computed
        stored = [name for name in columns if name not in computed or name == self.roles.label]
        needed = list(dict.fromkeys([*stored, *self._inputs(columns)]))
        for batch in self.source.iter_batches(needed, part=part, batch_rows=batch_rows):
            found = {name: batch.column(number) for number, name in enumerate(batch.schema.names)}
            values = {**found, **self._compute(found, columns)}
            yield pa.RecordBatch.from_arrays([values[name] for name in columns], list(columns))

    @property
    def _computed(self) -> dict[str, pa.DataType]:
        computed: dict[str, pa.DataType] = {}
        schema = self.source.schema
        names = set(schema.names)
        label = self.roles.label
        kind = pa.float64() if self.roles.label_is_number else pa.string()
        if isinstance(label, LabelExpression):
            if set(label.columns) <= names:
                computed[LABEL_COLUMN] = kind
        elif label is not None and label in names:
            computed[label] = kind
        for text, prefix in self.roles.texts.items():
            if text in names and pa.types.is_string(schema.field(text).type):
                computed |= {prefix + measure: kind for measure, kind in TEXT_MEASURES.items()}
        return computed

    def _inputs(self, wanted: Sequence[str]) -> list[str]:
        label = self.roles.label
        inputs = list(label.columns) if isinstance(label, LabelExpression) and LABEL_COLUMN in wanted else []
        return inputs + [text for text, prefix in self.roles.texts.items() if _is_measured(prefix, wanted)]

    def _compute(self, found: dict[str, pa.Array], wanted: Sequence[str]) -> dict[str, pa.Array]:
        computed: dict[str, pa.Array] = {}
        label = self.roles.label_column
        if label is not None and label in wanted and label in self._computed:
            computed[label] = self._label(found)
        for text, prefix in self.roles.texts.items():
            if text in found and _is_measured(prefix, wanted):
                computed |= {prefix + name: values for name, values in _measures(found[text]).items()}
        return computed

    def _label(self, found: dict[str, pa.Array]) -> pa.Array:
        label = self.roles.label
        if isinstance(label, LabelExpression):
            values = label.evaluate({name: _number_or_text(found[name]) for name in label.columns})
            return label_numbers(values)[0] if self.roles.label_is_number else values.cast(pa.string())
        assert label is not None
        if self.roles.label_is_number:
            return label_numbers(found[label])[0]
        trimmed = pc.utf8_trim_whitespace(as_type(found[label], pa.string()))
        return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def open_prepared(uri: str, problem: Problem, *, settled: bool = False) -> PreparedTable:
    """Open one table with its roles; `settled` looks through a text file for its types first, so that none changes."""
    source = open_table(uri, spec=problem.table, repairs=problem.repairs, payload=payload_columns(problem))
    if settled:
        source.settle()
    return PreparedTable(source, table_roles([source], problem))


def payload_columns(problem: Problem) -> tuple[str, ...]:
    """Names that the text of `modality: text` may have: it is a payload, which nobody cleans."""
    if problem.text is not None:
        return (problem.text,) if problem.modality in (None, "text") else ()
    return TEXT_NAMES if problem.modality == "text" else ()


def comparable(reference: ExaminedColumn, current: ExaminedColumn) -> bool:
    """Whether the values of a column can be compared in the two tables: both are numbers, or both categories."""
    return _COMPARABLE.get(reference.kind, reference.kind) == _COMPARABLE.get(current.kind, current.kind)


def _as_here(column: ExaminedColumn, schema: pa.Schema) -> ExaminedColumn:
    """The column with the kind that its values have in this table: a column of numbers may be one of texts here."""
    kind = column_kind(schema.field(column.name).type)
    if column.kind == "masked" or column.role in ("label", "prediction") or kind is None or kind == column.kind:
        return column
    return replace(column, kind=kind)


def _is_measured(prefix: str, wanted: Sequence[str]) -> bool:
    return any(prefix + measure in wanted for measure in TEXT_MEASURES)


def _measures(texts: pa.Array) -> dict[str, pa.Array]:
    """Measures of texts, null where there is no text."""
    measures = text_measures(texts.fill_null(""))
    missing = pc.is_null(texts)
    return {name: pc.if_else(missing, pa.scalar(None, values.type), values) for name, values in measures.items()}


def _number_or_text(values: pa.Array) -> pa.Array:
    is_number = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
    return as_type(values, pa.float64() if is_number else pa.string())


def table_roles(sources: Sequence[TableSource], problem: Problem) -> ColumnRoles:
    """What takes part of one or two tables: by the first one's own roles where it has some, else recognised.

    `ValueError` if the problem file names a column that no table has.
    """
    if sources[0].info is not None:
        return roles_of_examples(sources[0].info, sources[0].schema, kept=sources[0].kept)
    return recognised_roles([_peek(source) for source in sources], problem)


def _peek(source: TableSource) -> pa.Table:
    batch = source.first_rows(PEEK_ROWS)
    return source.schema.empty_table() if batch is None else pa.Table.from_batches([batch])
