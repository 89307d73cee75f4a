"""Statistics of a table's slices: the rows that share a value of a column, under the names that TFDV gives them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_validation.statistics.streaming_statistics import FEW_HISTOGRAM_BUCKETS, StatisticsAccumulator
from components.shared.tables.personal_columns import masked_texts

WHOLE_TABLE = "All Examples"  # TFDV's DEFAULT_SLICE_KEY: what its validation looks for among several data sets
Key = tuple[str, str]  # column and value
MAX_SLICES = 50
MIN_SLICE_ROWS = 10
MAX_VALUES_A_BATCH = 1000


class SliceAccumulators:
    """Collects them by `columns`, at most `MAX_SLICES`: those that come first, the largest of a batch before others.

    A value that is recognised as personal is a placeholder, except in `kept` columns.
    """

    def __init__(self, columns: Sequence[str], *, kept: Sequence[str] = ()) -> None:
        self._columns = tuple(columns)
        self._kept = frozenset(kept)
        self._given_up: set[str] = set()
        self._slices: dict[Key, StatisticsAccumulator] = {}
        self._left_out: set[Key] = set()

    def add(self, batch: pa.RecordBatch, lists: pa.RecordBatch) -> None:
        """Take rows as they are, and in the form that `as_value_lists` gives."""
        for name in self._columns:
            values = batch.column(name).cast(pa.string())
            coded = (values if name in self._kept else masked_texts(values)).dictionary_encode()
            if len(coded.dictionary) > MAX_VALUES_A_BATCH:
                self._give_up(name)
            if name in self._given_up:
                continue
            for key, rows in _slices_of(name, coded):
                if key not in self._slices and len(self._slices) >= MAX_SLICES:
                    self._leave_out(key)
                elif key not in self._left_out:
                    if key not in self._slices:
                        self._slices[key] = StatisticsAccumulator(num_histogram_buckets=FEW_HISTOGRAM_BUCKETS)
                    self._slices[key].add(lists.take(rows))

    def merge(self, other: "SliceAccumulators") -> None:
        """Take what another has seen; a slice that either has left out is incomplete, and is left out."""
        for name in other._given_up:
            self._give_up(name)
        for key in other._left_out:
            self._leave_out(key)
        for key, accumulator in other._slices.items():
            if key in self._slices:
                self._slices[key].merge(accumulator)
            elif key not in self._left_out and key[0] not in self._given_up:
                self._slices[key] = accumulator
        by_size = sorted(self._slices, key=lambda key: -self._slices[key].num_rows)
        for key in by_size[MAX_SLICES:]:
            self._leave_out(key)

    def statistics(self) -> tuple[list[statistics_pb2.DatasetFeatureStatistics], tuple[str, ...]]:
        """One data set a slice, the largest first, and what was left out, one sentence each."""
        enough = {key: found for key, found in self._slices.items() if found.num_rows >= MIN_SLICE_ROWS}
        ordered = sorted(enough, key=lambda key: (-enough[key].num_rows, key))
        datasets = [enough[key].statistics(name="_".join(key)).datasets[0] for key in ordered]
        return datasets, tuple(self._remarks(len(self._slices) - len(enough)))

    def _remarks(self, num_small: int) -> Iterator[str]:
        columns = ", ".join(self._columns)
        if num_small:
            yield f"{num_small} slices by {columns} have fewer than {MIN_SLICE_ROWS} rows and no statistics"
        if self._left_out:
            yield f"only {MAX_SLICES} slices by {columns} have statistics of their own; there are more"
        for name in sorted(self._given_up):
            yield f"{name!r} has too many values to slice by"

    def _leave_out(self, key: Key) -> None:
        self._slices.pop(key, None)
        self._left_out.add(key)

    def _give_up(self, name: str) -> None:
        self._given_up.add(name)
        self._slices = {key: found for key, found in self._slices.items() if key[0] != name}


def _slices_of(name: str, coded: pa.DictionaryArray) -> Iterator[tuple[Key, pa.Array]]:
    """Key and row positions of every value of a column, the most frequent first; a missing value is in no slice."""
    codes = np.asarray(pc.fill_null(coded.indices, -1))
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes + 1, minlength=len(coded.dictionary) + 1)
    ends = np.cumsum(counts)
    for code in np.argsort(-counts[1:], kind="stable"):
        yield (name, coded.dictionary[int(code)].as_py()), pa.array(order[ends[code] : ends[code + 1]])
