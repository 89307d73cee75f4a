"""A raw table as examples that are not split yet: what sufficiency reads where there is no example table."""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from components.data_validation.tables.column_roles import ColumnRoles
from components.data_validation.tables.prepared_table import PreparedTable
from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo

LABEL = "label"
TEXT = "text"


class RawExamples:
    """Reads a prepared table as an example table is read; every row counts as a training example.

    `ValueError` where the table has no label, or no feature beside it.
    """

    def __init__(self, table: PreparedTable) -> None:
        self._table = table
        roles = table.roles
        label = roles.label_column
        if label is None or label not in table.schema.names:
            raise ValueError(
                f"{table.uri} must have a label: name it in the problem file (label.column or label.expression); its "
                f"columns are {', '.join(table.schema.names[:20])}"
            )
        text = next((name for name, prefix in roles.texts.items() if not prefix), None)
        self._source_names = {LABEL: label} | ({} if text is None else {TEXT: text})
        column_roles = self._column_roles(roles, text)
        self.schema = pa.schema(
            [pa.field(name, table.schema.field(self._source_names.get(name, name)).type) for name in column_roles]
        )
        self.info = ExampleTableInfo(
            modality="tabular" if text is None else "text",
            class_names=() if roles.label_is_number else self._class_names(),
            column_roles=column_roles,
            task="regression" if roles.label_is_number else "classification",
        )
        if text is None and not self.info.columns_of("feature"):
            raise ValueError(f"{table.uri} must have a feature column beside its label, but has none")

    def iter_batches(
        self, columns: Sequence[str], *, splits: Sequence[str] | None = None, batch_rows: int = 1024
    ) -> Iterator[pa.RecordBatch]:
        """Stream record batches of `columns` under their names here; `splits` says nothing of rows without any."""
        stored = [self._source_names.get(name, name) for name in columns]
        for batch in self._table.iter_batches(stored, batch_rows=batch_rows):
            yield pa.RecordBatch.from_arrays(batch.columns, list(columns))

    def read(self, columns: Sequence[str], *, splits: Sequence[str] | None = None) -> pa.Table:
        """Read narrow columns whole."""
        batches = list(self.iter_batches(columns, batch_rows=65536))
        schema = pa.schema([self.schema.field(name) for name in columns])
        return pa.Table.from_batches(batches) if batches else schema.empty_table()

    def _column_roles(self, roles: ColumnRoles, text: str | None) -> Mapping[str, ColumnRole]:
        here = set(self._table.schema.names)
        found: dict[str, ColumnRole] = {LABEL: "label"}
        if text is not None:
            found[TEXT] = "payload"
        if roles.group is not None and roles.group in here:
            found[roles.group] = "group"
        features = [column.name for column in self._table.columns if column.role == "feature"]
        # Measures of texts that nobody named say something too.
        measures = [column.name for column in self._table.columns if column.role == "derived" and "." in column.name]
        # A time takes no part in drift, yet its hour or weekday may carry an answer.
        times = [roles.time] if roles.time is not None and roles.time in here else []
        return found | dict.fromkeys([*features, *measures, *times], "feature")

    def _class_names(self) -> tuple[str, ...]:
        labels: set[str] = set()
        for batch in self.iter_batches([LABEL], batch_rows=65536):
            labels.update(pc.unique(batch.column(0)).drop_null().to_pylist())
        return tuple(sorted(labels))
