"""Rows of a serving log as examples: in the columns of an example table, each content once.

Shapes: N rows of a batch.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data_ingestion.images.measures import image_record, stored_payload
from components.modeling.images.decoding import UndecodableImageError
from components.shared.contracts.example_table import ExampleTable, PAYLOAD_COLUMNS, PROVENANCE_COLUMNS
from components.shared.contracts.label_versions.placement import content_of_rows
from components.shared.contracts.split_record import content_key, NOT_KNOWN, splits_of_table
from components.shared.runtime.errors import ContractError
from components.shared.serving_log.log import ServingLog
from components.shared.serving_log.payload_policy import PICKED

# Columns of the pool beside the example table's: who answered, and how many served rows an example stands for.
SERVED_COLUMNS: Mapping[str, pa.DataType] = {"served_by": pa.string(), "served_weight": pa.float64()}
_BASE = ("example_id", "split", "label", *PROVENANCE_COLUMNS)
_KEYS = ("request_id", "row", "event_time", "model_revision", "sampling_weight", "payload_weight", "payload_draw")

ServedKey = tuple[str, int | None, object]


@dataclass(kw_only=True, slots=True)
class ServedExamples:
    """Examples of a log's window that a table does not have, as a stream that counts; read it once.

    Attributes
    ----------
    num_served, num_without_payload, num_known, num_repeated
        Rows of the window; those whose payload was not kept, or cannot be read; those whose content the table has;
        those whose content an earlier row has.
    revisions
        Rows that became examples, by the model's version.
    weight
        How many served rows these stand for.
    ids
        Example id of each served row that became an example, or that repeats the content of one.
    not_random
        Ids of examples that were picked by their uncertainty or drift: they are only trained on.
    """

    log: ServingLog
    table: ExampleTable
    num_served: int = 0
    num_without_payload: int = 0
    num_known: int = 0
    num_repeated: int = 0
    weight: float = 0.0
    revisions: dict[str, int] = field(default_factory=dict)
    ids: dict[ServedKey, str] = field(default_factory=dict)
    not_random: set[str] = field(default_factory=set)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Rows of a pool, with all its columns; null where the log lacks one."""
        known = splits_of_table(self.table)
        contents: dict[int, str] = {}
        names = [name for name in (*_KEYS, *self._payload, *pool_columns(self.table)) if name in self.log.schema.names]
        for batch in self.log.iter_batches(list(dict.fromkeys(names)), batch_rows=1024):
            self.num_served += batch.num_rows
            usable, keys = self._read(batch.filter(self._has_payload(batch)))
            self.num_without_payload += batch.num_rows - sum(key is not None for key in keys)
            is_known = known.of_contents(np.array([key or 0 for key in keys], dtype=np.uint64)) != NOT_KNOWN
            places = [place for place, key in enumerate(keys) if self._is_new(usable, place, key, is_known, contents)]
            if places:
                yield self._examples(usable.take(pa.array(places)), [keys[place] or 0 for place in places])

    @property
    def _payload(self) -> list[str]:
        payload = [name for name, _ in PAYLOAD_COLUMNS[self.table.info.modality]]
        return payload or list(self.table.info.columns_of("feature"))

    def _has_payload(self, batch: pa.RecordBatch) -> pa.Array:
        if self.table.info.modality != "tabular":
            return pc.is_valid(batch.column(self._payload[0]))
        given = [pc.is_valid(batch.column(name)) for name in self._payload]
        found = given[0]
        for valid in given[1:]:
            found = pc.or_(found, valid)
        return found

    def _read(self, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, list[int | None]]:
        """Rows with their payload as ingestion stores it, and their content ids; None where a photo cannot be read."""
        if self.table.info.modality == "image":
            read = [_photo(data) for data in rows.column("image").to_pylist()]
            place = rows.schema.get_field_index("image")
            images = pa.array([data for data, _ in read], pa.binary())
            return rows.set_column(place, "image", images), [key for _, key in read]
        arrays = {name: self._as_the_table(rows, name) for name in self._payload}
        given = {**arrays, "example_id": pa.repeat(pa.scalar(""), rows.num_rows)}
        return rows, list(content_of_rows(pa.RecordBatch.from_pydict(given), self.table.info)[0])

    def _is_new(
        self, rows: pa.RecordBatch, place: int, key: int | None, is_known: np.ndarray, contents: dict[int, str]
    ) -> bool:
        if key is None:
            return False
        if is_known[place]:
            self.num_known += 1
            return False
        served = _served_key(rows, place)
        first = contents.setdefault(key, _example_id(served))
        self.ids[served] = first
        if first != _example_id(served):
            self.num_repeated += 1
            return False
        return True

    def _examples(self, rows: pa.RecordBatch, keys: list[int]) -> pa.RecordBatch:
        columns = {
            "example_id": pa.array([_example_id(_served_key(rows, place)) for place in range(rows.num_rows)]),
            "split": pa.nulls(rows.num_rows, pa.string()),
            "label": pa.nulls(rows.num_rows, self.table.schema.field("label").type),
            "content_id": pa.array(keys, pa.uint64()),
            "label_source": pa.nulls(rows.num_rows, pa.string()),
            "label_version": pa.nulls(rows.num_rows, pa.int32()),
        }
        for name in (*self._payload, *pool_columns(self.table)):
            if name not in columns and name not in SERVED_COLUMNS:
                columns[name] = self._as_the_table(rows, name)
        weights = _weights(rows)
        versions = rows.column("model_revision")
        for version in versions.to_pylist():
            self.revisions[version] = self.revisions.get(version, 0) + 1
        self.weight += float(np.asarray(weights).sum())
        if "payload_draw" in rows.schema.names:
            chosen = pc.fill_null(pc.is_in(rows.column("payload_draw"), value_set=pa.array(PICKED)), False)
            self.not_random |= set(columns["example_id"].filter(chosen).to_pylist())
        columns |= {"served_by": versions, "served_weight": weights}
        return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))

    def _as_the_table(self, rows: pa.RecordBatch, name: str) -> pa.Array:
        kind = self.table.schema.field(name).type
        if name not in rows.schema.names:
            return pa.nulls(rows.num_rows, kind)
        try:
            return rows.column(name).cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ContractError(
                f"the column {name!r} of {self.log.path} must be {kind}, as {self.table.path} has it, "
                f"got {rows.column(name).type}"
            ) from error


def pool_columns(table: ExampleTable) -> dict[str, pa.DataType]:
    """Columns of a pool of served examples beyond those of every table, with their types."""
    own = {*_BASE, *(name for name, _ in PAYLOAD_COLUMNS[table.info.modality])}
    return {**{field.name: field.type for field in table.schema if field.name not in own}, **SERVED_COLUMNS}


def check_payloads(log: ServingLog, table: ExampleTable) -> None:
    """Refuse a log that does not hold what the table's models read.

    Raises
    ------
    ContractError
        If the log is of another modality, or does not keep payloads.
    """
    if log.info.modality != table.info.modality:
        raise ContractError(
            f"{log.path} must hold what {table.path} holds, {table.info.modality}, got {log.info.modality}"
        )
    wanted = [name for name, _ in PAYLOAD_COLUMNS[table.info.modality]] or list(table.info.columns_of("feature"))
    lacking = [name for name in wanted if name not in log.schema.names]
    if lacking:
        raise ContractError(
            f"{log.path} must keep {lacking[0]!r} of what was asked, for that is what is learned from, but "
            "does not: serve with --log-payload sampled or full"
        )


def _photo(data: bytes) -> tuple[bytes | None, int | None]:
    """A photo as ingestion stores it, and its content id."""
    try:
        record = image_record(data)
    except UndecodableImageError:
        return None, None
    return stored_payload(data, record), content_key(record.pixel_fingerprint)


def _served_key(rows: pa.RecordBatch, place: int) -> ServedKey:
    row = rows.column("row")[place].as_py() if "row" in rows.schema.names else None
    return rows.column("request_id")[place].as_py(), row, rows.column("event_time")[place].as_py()


def _example_id(served: ServedKey) -> str:
    request_id, row, moment = served
    # One request id may have been served twice: the moment keeps them apart.
    return f"served-{request_id}-{0 if row is None else row}-{int(moment.timestamp() * 1e6)}"  # type: ignore[attr-defined]


def _weights(rows: pa.RecordBatch) -> pa.Array:
    found = pa.array(np.ones(rows.num_rows))
    for name in ("sampling_weight", "payload_weight"):
        if name in rows.schema.names:
            found = pc.multiply(found, pc.fill_null(rows.column(name), 1.0))
    return found
