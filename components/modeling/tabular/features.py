"""Rows of a table: from columns to what a network takes, the same code for training and serving.

- A column of numbers is scaled (`number_scaling`). What is null, NaN or infinite counts as missing: it becomes the
  median, and where training rows lack values, a further number marks it.
- A column of texts that read as dates or times gives three numbers (`date_times`).
- Any other column of texts is a category (`category_codes`). A value seen in fewer than five training rows has no code
  of its own; so identifiers and free text, which differ in every row, tell the network nothing. Nor has a value that is
  recognised as personal data: the bundle lists the values with a code.
- A column that never differs between training rows is read and left out.
- Before all that, values are cleaned as at ingestion: white space at the ends of texts, values that count as missing.

All this is fitted to training rows alone.

Shapes: B examples, S sources (columns of numbers, and three for each column of times), F numbers, C categories.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TYPE_CHECKING

import numpy as np
import pyarrow as pa

from components.modeling.tabular.category_codes import CategoryCodes, ValueCounts
from components.modeling.tabular.column_reading import (
    column_reading_from,
    ColumnReading,
    kind_of,
    KINDS,
    numbers_of,
    texts_of,
)
from components.modeling.tabular.date_times import are_times, TIME_PARTS, time_parts
from components.modeling.tabular.number_scaling import fit_number_scale, NumberScale, NumberScaling
from components.shared.feature_store.blocks import InputSpec
from components.shared.runtime.errors import ContractError
from components.shared.tables.personal_columns import masked_texts
from components.shared.tables.row_reservoir import RowReservoir
from components.shared.tables.value_cleaning import value_cleaning_from, ValueCleaning

if TYPE_CHECKING:
    import torch

_MAX_BINS, _MIN_BINS = 48, 4
# A wide table gets fewer knots a number: the network's first layers would grow with their product.
_MAX_KNOTS = 8192
_MAX_TIMES = 65_536
_MAX_SAMPLE_ROWS, _MAX_SAMPLE_VALUES = 65_536, 1 << 24
_DEFAULT_CLEANING = ValueCleaning()


class TabularFeatures:
    """Prepares rows, given how every column is read and values are cleaned; ValueError if two columns have one name.

    `knots` are, of each of the F numbers, the values between which a network may bend, ascending; `num_codes`, of each
    of the C categories, how many codes there are, 0 included.
    """

    modality = "tabular"

    def __init__(self, readings: Sequence[ColumnReading], cleaning: ValueCleaning = _DEFAULT_CLEANING) -> None:
        self.readings = tuple(readings)
        self.cleaning = cleaning
        if len(set(self.columns)) != len(self.readings):
            raise ValueError(f"the columns must have different names, got {', '.join(self.columns)}")
        self._scaling = NumberScaling([scale for reading in self.readings for scale in reading.scales])
        self._codes = {
            reading.name: CategoryCodes(reading.values) for reading in self.readings if reading.reading == "category"
        }
        self.knots = self._scaling.knots
        self.num_codes = tuple(len(codes.values) + 1 for codes in self._codes.values())

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the example table that it reads."""
        return tuple(reading.name for reading in self.readings)

    @property
    def column_types(self) -> dict[str, pa.DataType]:
        """Types of those columns: int64, float64 or string."""
        return {reading.name: KINDS[reading.kind] for reading in self.readings}

    @property
    def input_specs(self) -> dict[str, InputSpec]:
        """`numbers`: F scaled numbers; `categories`: C codes."""
        return {
            "numbers": InputSpec(dtype="float32", shape=(len(self.knots),)),
            "categories": InputSpec(dtype="int32", shape=(len(self.num_codes),)),
        }

    def prepare(self, columns: Mapping[str, pa.Array]) -> dict[str, np.ndarray]:
        """Clean values, scale numbers and code categories.

        `columns` holds B values for each fitted column, null where missing; others are ignored. Columns of texts also
        take numbers and truth values, as ingestion writes them. Returns `numbers`, shape (B, F), float32, finite, and
        `categories`, shape (B, C), int32, 0 for what training has not seen. ValueError if a column is missing, a column
        of numbers holds something else, or columns differ in length.
        """
        read = {reading.name: _read(columns, reading, self.cleaning) for reading in self.readings}
        num_rows = len(next(iter(read.values()), ()))
        for name, values in read.items():
            if len(values) != num_rows:
                raise ValueError(f"the columns must have {num_rows} rows each, got {len(values)} in {name!r}")
        codes = [codes.codes(read[name]) for name, codes in self._codes.items()]
        return {
            "numbers": self._scaling.numbers(_sources(read, self.readings, num_rows)),
            "categories": np.stack(codes, axis=1) if codes else np.zeros((num_rows, 0), np.int32),
        }

    def tensors(self, inputs: "Mapping[str, torch.Tensor]") -> "tuple[torch.Tensor, ...]":
        """Numbers of the shape (B, F), float32, and categories of the shape (B, C), int64."""
        return inputs["numbers"], inputs["categories"].long()

    def files(self) -> dict[str, bytes]:
        """No further files."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return {"columns": [reading.to_dict() for reading in self.readings], **self.cleaning.to_dict()}


def tabular_features_from(content: Mapping[str, Any]) -> TabularFeatures:
    """Read what `to_dict` wrote; ContractError if a key or value is unknown."""
    try:
        readings = [column_reading_from(column) for column in content["columns"]]
        return TabularFeatures(readings, value_cleaning_from(content))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ContractError(f"preprocessing must have columns with name, kind and reading: {error!r}") from error


def fit_tabular_features(
    batches: Iterable[Mapping[str, pa.Array]],
    columns: Mapping[str, pa.DataType],
    cleaning: ValueCleaning = _DEFAULT_CLEANING,
    *,
    kept: Collection[str] = (),
) -> TabularFeatures:
    """Fit to training rows, in one pass and bounded memory: a sample of the numbers, counts of the texts.

    Parameters
    ----------
    batches
        The training rows: values by the name of every column.
    columns
        The feature columns and their types: numbers, texts, truth values, dates or times.
    cleaning
        How values are cleaned, here and whenever the model is asked: as at ingestion.
    kept
        Columns whose personal data may be categories.

    Raises
    ------
    ValueError
        If a column is of another type or holds something else, or no column differs between training rows.
    """
    kinds = {name: kind_of(name, kind) for name, kind in columns.items()}
    plain = [ColumnReading(name=name, kind=kind, reading="constant") for name, kind in kinds.items()]
    numeric = [reading.name for reading in plain if reading.kind != "string"]
    counts = {reading.name: ValueCounts() for reading in plain if reading.kind == "string"}
    sample_rows = min(_MAX_SAMPLE_ROWS, max(_MAX_SAMPLE_VALUES // max(len(numeric), 1), 1))
    reservoir = RowReservoir(sample_rows, row_shape=(len(numeric),))
    is_missing = np.zeros(len(numeric), bool)
    for batch in batches:
        read = {reading.name: _read(batch, reading, cleaning) for reading in plain}
        values_BS = np.stack([read[name] for name in numeric], axis=1) if numeric else np.empty((0, 0))
        reservoir.add(values_BS)
        is_missing |= ~np.isfinite(values_BS).all(axis=0)
        for name, counted in counts.items():
            counted.add(read[name])
    max_bins = min(max(_MAX_KNOTS // max(len(numeric), 1), _MIN_BINS), _MAX_BINS)
    numbers = {
        name: _number_reading(name, kinds[name], reservoir.rows[:, number], bool(is_missing[number]), max_bins)
        for number, name in enumerate(numeric)
    }
    features = TabularFeatures(
        [numbers.get(name) or _text_reading(name, counts[name], is_kept=name in kept) for name in kinds], cleaning
    )
    if not features.knots and not features.num_codes:
        raise ValueError(
            f"a feature column must differ between training rows, but none does, of {', '.join(kinds) or 'no columns'}"
        )
    return features


def _read(columns: Mapping[str, pa.Array], reading: ColumnReading, cleaning: ValueCleaning) -> Any:
    """A column's values: a float64 array for numbers, `nan` where missing; texts for the rest."""
    values = columns.get(reading.name)
    if values is None:
        raise ValueError(f"the columns must have {reading.name!r}, got {', '.join(columns) or 'none'}")
    if reading.kind == "string":
        return cleaning.texts(texts_of(values))
    return numbers_of(reading.name, cleaning.typed(values))


def _sources(read: Mapping[str, Any], readings: Sequence[ColumnReading], num_rows: int) -> np.ndarray:
    sources = []
    for reading in readings:
        if reading.reading == "number":
            sources.append(read[reading.name])
        elif reading.reading == "time":
            sources.extend(time_parts(read[reading.name].to_pylist()).T)
    return np.stack(sources, axis=1) if sources else np.empty((num_rows, 0))


def _number_reading(name: str, kind: str, values: np.ndarray, is_missing: bool, max_bins: int) -> ColumnReading:
    marks_missing = is_missing and bool(np.isfinite(values).any())
    scale = fit_number_scale(values, marks_missing=marks_missing, max_bins=max_bins)
    if not scale.num_numbers:
        return ColumnReading(name=name, kind=kind, reading="constant")
    return ColumnReading(name=name, kind=kind, reading="number", scales=(scale,))


def _text_reading(name: str, counted: ValueCounts, *, is_kept: bool) -> ColumnReading:
    present = {value: count for value, count in counted.counts.items() if value is not None}
    if are_times([*present], [*present.values()]):
        scales = _time_scales(counted.counts)
        if any(scale.num_numbers for scale in scales):
            return ColumnReading(name=name, kind="string", reading="time", scales=scales)
    values = counted.frequent()
    if not is_kept:
        values = _without_personal(values)
    if not values or counted.counts[values[0]] == counted.num_rows:
        return ColumnReading(name=name, kind="string", reading="constant")
    return ColumnReading(name=name, kind="string", reading="category", values=values)


def _without_personal(values: Sequence[str | None]) -> tuple[str | None, ...]:
    masked = masked_texts(pa.array(values, pa.string())).to_pylist()
    return tuple(value for value, shown in zip(values, masked, strict=True) if value == shown)


def _time_scales(counts: Mapping[str | None, int]) -> tuple[NumberScale, ...]:
    parts = time_parts([*counts])
    shares = np.array([*counts.values()]) * min(1.0, _MAX_TIMES / sum(counts.values()))
    parts_N3 = np.repeat(parts, np.ceil(shares).astype(np.int64), axis=0)
    is_missing = not np.isfinite(parts).all()
    # One indicator is enough: a time is missing as a whole.
    return tuple(
        fit_number_scale(parts_N3[:, part], marks_missing=is_missing and part == 0, max_bins=_MAX_BINS)
        for part in range(len(TIME_PARTS))
    )
