"""A dataset of a comparison: a table read once, or the baseline that a model bundle carries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
import json
from pathlib import Path

from google.protobuf.message import DecodeError
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_validation.quality.keyed_rows import KeyedRows
from components.data_validation.quality.personal_data import PersonalDataCounter
from components.data_validation.statistics.feature_summaries import feature_summaries, FeatureSummary
from components.data_validation.statistics.profile import profile_table
from components.data_validation.statistics.row_collectors import PersonalDataNotice, RowHashes
from components.data_validation.tables.arrow_lists import ExaminedColumn
from components.data_validation.tables.column_roles import ColumnRoles, sort_key
from components.data_validation.tables.prepared_table import PreparedTable
from components.shared.contracts.format_version import check_format_version
from components.shared.contracts.parquet_folder import METADATA_KEY
from components.shared.contracts.pinned_slices import pinned_from, PinnedSlice
from components.shared.runtime.errors import ContractError

SAMPLE_ROWS = 100_000
BASELINE_ROWS = 20_000
BASELINE_FILE = "sample.parquet"
EMBEDDING_COLUMN = "embedding"
_MIN_TIMES = 8
FORMAT_VERSION = 2
_CONTRACT = "baseline_sample"


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetProfile:
    """What a comparison knows of one dataset."""

    name: str  # what people call it
    columns: tuple[ExaminedColumn, ...]
    statistics: statistics_pb2.DatasetFeatureStatisticsList  # TFDV's, of all rows
    sample: pa.Table  # uniform, in the order of time where that is known; personal data are masked
    num_rows: int  # all rows, not only the sample's
    ordered_in_time: bool = False  # whether the sample's order says what came first
    row_hashes: np.ndarray | None = None  # shape (num_rows,), uint64; None where rows were not read
    personal_data: PersonalDataCounter | None = None  # what looks like it in texts; None where rows were not read
    keyed_rows: KeyedRows | None = None  # rows by their identifier; None unless asked for
    label_version: int | None = None  # of the label's definition; None where it is not known
    pinned_slices: tuple[PinnedSlice, ...] = ()  # whose shares are watched
    has_label: bool = False
    remarks: tuple[str, ...] = field(default=())  # what was recognised when it was read

    @property
    def label_column(self) -> str | None:
        """The label's column, where it is examined."""
        return next((column.name for column in self.columns if column.role == "label"), None)

    @property
    def masked_columns(self) -> list[str]:
        """Columns named as personal data."""
        return [column.name for column in self.columns if column.kind == "masked"]

    @property
    def hidden_columns(self) -> frozenset[str]:
        """Columns of which a report draws nothing: those named as personal data, and those that seem to hold some."""
        return self.noticed_columns.union(self.masked_columns)

    @property
    def noticed_columns(self) -> frozenset[str]:
        """Columns that seem to hold personal data, though nobody named them."""
        return frozenset() if self.personal_data is None else frozenset(self.personal_data.counts())

    @property
    def summaries(self) -> dict[str, FeatureSummary]:
        """Summaries of the examined columns by name."""
        return feature_summaries(self.statistics)


def profiled_dataset(
    table: PreparedTable,
    roles: ColumnRoles,
    *,
    splits: Sequence[str] | None = None,
    name: str = "",
    label_version: int | None = None,
    by_key: bool = False,
    num_processes: int | None = None,
) -> DatasetProfile:
    """Read a table, prepared with `roles`, once; of each row 8 bytes stay in memory.

    By default the name is the table's; `label_version` counts only where the table itself has none. `by_key` keeps rows
    by their identifier, where the roles name one. `num_processes` of None takes one a core for large tables.
    """
    known = set(table.schema.names)
    extra = [column for column in (roles.time, EMBEDDING_COLUMN) if column is not None and column in known]
    hashed = _hashed_columns(table, roles)
    texts = _text_columns(table, roles)
    hashes, notice = RowHashes(hashed), PersonalDataNotice(texts)
    keyed = _keyed_rows(table, roles) if by_key else None
    keyed_columns = [] if keyed is None else [*keyed.keys, *keyed.columns]
    profile = profile_table(
        table,
        table.columns,
        splits=splits,
        sample_rows=SAMPLE_ROWS,
        extra_columns=list(dict.fromkeys([*extra, *hashed, *texts, *keyed_columns])),
        sampled_columns=extra,
        collectors=(hashes, notice) if keyed is None else (hashes, notice, keyed),
        num_processes=num_processes,
    )
    sample, ordered = _in_order(profile.sample, roles.time)
    return DatasetProfile(
        name=name or table.name,
        columns=profile.columns,
        statistics=profile.statistics,
        sample=sample,
        num_rows=profile.num_rows,
        ordered_in_time=ordered,
        row_hashes=hashes.hashes,
        personal_data=notice.counter,
        keyed_rows=keyed,
        label_version=table.info.label_version if table.info is not None else label_version,
        has_label=roles.label_column in table.schema.names,
        pinned_slices=roles.pinned_slices,
        remarks=profile.remarks,
    )


def write_baseline(path: Path, profile: DatasetProfile) -> None:
    """Write the Parquet sample that later data are compared with: 20,000 rows at most, personal data masked."""
    step = max(1, -(-profile.sample.num_rows // BASELINE_ROWS))
    names = [column.name for column in profile.columns]
    rows = profile.sample.select(names).take(pa.array(np.arange(0, profile.sample.num_rows, step)))
    content = {
        "contract": _CONTRACT,
        "format_version": FORMAT_VERSION,
        "num_rows": profile.num_rows,
        "ordered_in_time": profile.ordered_in_time,
        "label_version": profile.label_version,
        "columns": [[column.name, column.role, column.kind, list(column.also)] for column in profile.columns],
        "kept": [column.name for column in profile.columns if column.is_kept],
        "pinned_slices": [item.to_dict() for item in profile.pinned_slices],
    }
    pq.write_table(rows.replace_schema_metadata({METADATA_KEY: json.dumps(content)}), path, compression="zstd")


def baseline_profile(statistics_path: Path, *, name: str) -> DatasetProfile:
    """The training data as a bundle's folder `statistics` remembers them, without row hashes and personal data.

    FileNotFoundError: the bundle carries no baseline. ContractError: a file is damaged or of another version.
    """
    files = statistics_path / "train.pb", statistics_path / BASELINE_FILE
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"{name} must carry its baseline, {file.name} too, but does not: train it again")
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    try:
        statistics.ParseFromString(files[0].read_bytes())
        rows = pq.read_table(files[1])
        content = json.loads((rows.schema.metadata or {}).get(METADATA_KEY, b"{}"))
    except (pa.ArrowInvalid, DecodeError, OSError, ValueError) as error:
        raise ContractError(f"the baseline of {name} must be readable, but is damaged: {error}") from error
    if content.get("contract") != _CONTRACT:
        raise ContractError(f"{BASELINE_FILE} of {name} must be a {_CONTRACT}, got {content.get('contract')!r}")
    version = content.get("format_version")
    check_format_version(version, newest=FORMAT_VERSION, contract=_CONTRACT, where=statistics_path)
    kept = content.get("kept", ())
    columns = tuple(
        # Version 1 knew one role a column.
        ExaminedColumn(name=column, role=role, kind=kind, also=tuple(also[0]) if also else (), is_kept=column in kept)
        for column, role, kind, *also in content["columns"]
    )
    return DatasetProfile(
        name=name,
        columns=columns,
        statistics=statistics,
        sample=rows,
        num_rows=content["num_rows"],
        ordered_in_time=content["ordered_in_time"],
        label_version=content["label_version"],
        # Bundles of earlier releases know none.
        pinned_slices=pinned_from(content.get("pinned_slices", ())),
        has_label=any(column.role == "label" for column in columns),
    )


def _hashed_columns(table: PreparedTable, roles: ColumnRoles) -> list[str]:
    """What a model sees of a row: its text, else its features; nothing for images, whose bytes are not read here."""
    if table.info is not None and table.info.modality != "tabular":
        return [name for name in table.info.columns_of("payload") if name == "text"]
    texts = [text for text in roles.texts if text in table.schema.names]
    if "" in roles.texts.values():
        return texts
    return texts + [column.name for column in table.columns if column.role == "feature"]


def _keyed_rows(table: PreparedTable, roles: ColumnRoles) -> KeyedRows | None:
    columns = [column.name for column in table.columns if column.role not in ("label", "prediction")]
    if roles.id is None or roles.id not in table.schema.names or not columns:
        return None
    return KeyedRows([roles.id], columns)


def _text_columns(table: PreparedTable, roles: ColumnRoles) -> list[str]:
    """Columns whose texts may hold personal data that nobody named."""
    named = {column.name for column in table.columns if column.kind == "masked" or column.is_kept}
    texts = [*roles.texts, *(("text",) if table.info is not None and table.info.modality == "text" else ())]
    categories = [column.name for column in table.columns if column.kind == "category"]
    candidates = dict.fromkeys([*texts, *categories])
    return [
        name
        for name in candidates
        if name in table.schema.names and name not in named and pa.types.is_string(table.schema.field(name).type)
    ]


def _in_order(sample: pa.Table, time: str | None) -> tuple[pa.Table, bool]:
    """The sample by time, and whether that says anything: a handful of different times leaves most rows unordered."""
    if time is None or time not in sample.column_names:
        return sample, False
    times = sort_key(sample.column(time).combine_chunks())
    if len(np.unique(times[~np.isnan(times)])) < _MIN_TIMES:
        return sample, False
    return sample.take(pa.array(np.argsort(times, kind="stable"))), True
